/* A trade's price around it, with entry and exit drawn on it. */
"use strict";

(() => {
  const MARGIN = 20; // sessions shown before the entry and after the exit
  const lines = new Map();

  // Sessions are kept as a first position and steps from one to the next.
  function lineOf(data, symbol) {
    if (!lines.has(symbol)) {
      const kept = data.prices[symbol];
      let at = 0;
      lines.set(symbol, kept ? { days: kept.at.map((step) => data.days[(at += step)]), close: kept.close } : null);
    }
    return lines.get(symbol);
  }

  function facts(data, row) {
    const { columns, rows, names } = data;
    const list = make("dl", { class: "plain-facts" });
    const name = names[rows.symbol[row]];
    if (name) list.append(make("dt", {}, "Instrument"), make("dd", {}, make("bdi", {}, name)));
    const wanted = ["entry_session", "entry_price", "exit_session", "exit_price", "sessions", "return", "pnl", "fees", "mae", "mfe", "reason"];
    for (const key of wanted) {
      const column = columns.find((item) => item.key === key);
      list.append(make("dt", {}, column.label), make("dd", {}, shown(rows[key][row], column.kind)));
    }
    return list;
  }

  function figure(data, row) {
    const { rows } = data;
    const line = lineOf(data, rows.symbol[row]);
    if (!line) return null;
    const isOpen = rows.exit_session[row] === "open";
    const last = line.days.length - 1;
    const find = (day) => { const at = line.days.findIndex((item) => item >= day); return at < 0 ? last : at; };
    const begin = find(rows.entry_session[row]);
    const end = isOpen ? last : find(rows.exit_session[row]);
    const from = Math.max(0, begin - MARGIN), to = Math.min(last, end + MARGIN) + 1;
    const scale = data.scale[row];
    const x = line.days.slice(from, to), y = line.close.slice(from, to).map((price) => price * scale);
    const isGain = rows.pnl[row] >= 0;
    const mark = (day, price, symbol, name) => ({
      type: "scatter", mode: "markers", name, x: [day], y: [price],
      marker: { color: "@ink", size: 11, symbol }, hovertemplate: "%{y}",
    });
    const marks = [mark(rows.entry_session[row], rows.entry_price[row], "triangle-up", "Entry")];
    const held = { x: [rows.entry_session[row]], y: [rows.entry_price[row]] };
    if (isOpen) { held.x.push(x[x.length - 1]); held.y.push(y[y.length - 1]); }
    else {
      marks.push(mark(rows.exit_session[row], rows.exit_price[row], "triangle-down", "Exit"));
      held.x.push(rows.exit_session[row]); held.y.push(rows.exit_price[row]);
    }
    const { yaxis2, annotations, ...layout } = structuredClone(charts.figures.nav.layout);
    return {
      data: [
        { type: "scatter", mode: "lines", name: "Close", x, y, line: { color: "@strategy", width: 1.5 }, hovertemplate: "%{y}" },
        { type: "scatter", mode: "lines", ...held, line: { color: isGain ? "@gain" : "@loss", width: 2, dash: "dot" }, hoverinfo: "skip" },
        ...marks,
      ],
      layout: {
        ...layout,
        margin: { l: 8, r: 8, t: 10, b: 8 },
        xaxis: { type: "date", gridcolor: "@grid", linecolor: "@line", showgrid: false, automargin: true, nticks: 8,
          hoverformat: "%Y-%m-%d", tickformatstops: layout.xaxis.tickformatstops },
        yaxis: { gridcolor: "@grid", zeroline: false, automargin: true, nticks: 6 },
      },
    };
  }

  for (const holder of document.querySelectorAll("[data-opens]")) {
    holder.addEventListener("open", ({ detail: { row, cell, data } }) => {
      const box = make("div", { class: "trade" });
      const name = `trade-${row}`;
      const drawing = figure(data, row);
      if (drawing) {
        charts.figures[name] = drawing;
        const symbol = data.rows.symbol[row];
        const plot = make("div", { class: "plot low", "data-figure": name, role: "img", "aria-label": `Price of ${symbol} with entry and exit; the numbers are beside it` });
        box.append(plot);
        cell.append(box);
        draw(plot);
      } else cell.append(box);
      box.append(facts(data, row));
    });
  }
})();
