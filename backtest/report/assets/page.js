/* Theme, charts and tables of a page. Text from data is set as text, never as markup. */
"use strict";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const readJson = (id) => JSON.parse((byId(id) || { textContent: "null" }).textContent);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/* Theme: auto, light or dark; kept for the next page where the browser allows it. */
const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const themes = ["auto", "light", "dark"];

function applyTheme() {
  const choice = root.dataset.choice;
  root.dataset.theme = choice === "auto" ? (darkSystem.matches ? "dark" : "light") : choice;
  const button = byId("theme");
  if (button) button.textContent = `Theme: ${choice}`;
  redrawAll();
}

function startTheme() {
  byId("theme")?.addEventListener("click", () => {
    root.dataset.choice = themes[(themes.indexOf(root.dataset.choice) + 1) % themes.length];
    try { localStorage.setItem("backtest-theme", root.dataset.choice); } catch { /* not kept */ }
    applyTheme();
  });
  darkSystem.addEventListener("change", applyTheme);
}

/* Charts. Colours are names such as "@strategy" or "@gain/0.2", looked up in the stylesheet. */
const charts = readJson("charts") || { figures: {}, lists: [] };
const drawn = new Set();
const isCoarse = matchMedia("(pointer: coarse)").matches;

function colour(name, styles) {
  const [key, alpha] = name.slice(1).split("/");
  const hex = styles.getPropertyValue(`--${key}`).trim();
  if (!/^#[0-9a-f]{6}$/i.test(hex)) return name;
  if (!alpha) return hex;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

function resolved(value, styles, isColour) {
  if (typeof value === "string") return isColour && value[0] === "@" ? colour(value, styles) : value;
  if (Array.isArray(value)) return value.map((item) => resolved(item, styles, isColour));
  if (value === null || typeof value !== "object") return value;
  if ("$" in value) return charts.lists[value.$];
  const copy = {};
  for (const [key, item] of Object.entries(value)) copy[key] = resolved(item, styles, /color(scale)?$/.test(key));
  return copy;
}

function draw(node) {
  const name = node.dataset.figure;
  const figure = resolved(charts.figures[name], getComputedStyle(root), false);
  const { data, layout } = figure;
  layout.font.family = getComputedStyle(document.body).fontFamily;
  if (root.classList.contains("printing")) layout.font.size = 10;
  layout.uirevision = `${name}-${layout.yaxis?.type}`;
  layout.height = node.clientHeight;
  layout.width = node.clientWidth;
  layout.dragmode = isCoarse ? false : "zoom";
  // Words over bars need room; the table below the chart has them too.
  if (node.clientWidth < 480) for (const trace of data) if (trace.type === "bar") trace.textposition = "none";
  drawn.add(node);
  return Plotly.react(node, data, layout, { displayModeBar: false, displaylogo: false })
    .then(() => node.dispatchEvent(new CustomEvent("drawn", { bubbles: true })));
}

function redrawAll() { for (const node of drawn) { if (node.isConnected) draw(node); else drawn.delete(node); } }

function startCharts() {
  const plots = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "800px" });
  plots.forEach((node) => seen.observe(node));
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redrawAll, 120); });
  // Paper is light and has its own width; the sizes are those of the print rules in the stylesheet.
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    root.dataset.theme = "light";
    for (const part of document.querySelectorAll("details[data-print]:not([open])")) {
      part.open = true;
      part.dataset.print = "opened";
    }
    plots.forEach(draw);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    for (const part of document.querySelectorAll("details[data-print=opened]")) {
      part.open = false;
      part.dataset.print = "";
    }
    applyTheme();
  });
}

function startKeys() {
  for (const button of document.querySelectorAll("button.key")) {
    button.addEventListener("click", () => {
      const isOn = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isOn));
      const node = button.closest("figure").querySelector(".plot");
      for (const trace of charts.figures[node.dataset.figure].data) {
        if (trace.legendgroup === button.dataset.group) trace.visible = isOn;
      }
      draw(node);
    });
  }
  for (const button of document.querySelectorAll(".switch button")) {
    button.addEventListener("click", () => {
      const figure = button.closest("figure");
      const node = figure.querySelector(".plot");
      for (const other of button.parentNode.children) other.setAttribute("aria-pressed", String(other === button));
      const axis = charts.figures[node.dataset.figure].layout[button.parentNode.dataset.axis];
      axis.type = button.dataset.type;
      draw(node);
    });
  }
}

/* A table of many rows: searched, sorted and shown by the page. */
const plural = (count, word) => `${count.toLocaleString("en-US")} ${word}${count === 1 ? "" : "s"}`;
const fixed = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const forms = { 0: fixed(0), 2: fixed(2), 3: fixed(3), 4: new Intl.NumberFormat("en-US", { maximumFractionDigits: 4 }) };
const positive = (text) => (/[1-9]/.test(text) ? text : text.replace("-", ""));

function shown(value, kind) {
  if (value === null || value === undefined || value === "") return "–";
  if (kind === "percent") return `${positive(forms[2].format(100 * value))} %`;
  if (kind === "price") return forms[3].format(value);
  if (kind === "amount") return positive(forms[0].format(value));
  if (kind === "number") return forms[4].format(value);
  return String(value);
}

function compared(values, direction, isText) {
  return (a, b) => {
    const x = values[a], y = values[b];
    if (x === y) return a - b;
    if (x === null || x === "") return 1;
    if (y === null || y === "") return -1;
    return direction * (isText ? (x < y ? -1 : 1) : x - y);
  };
}

function startRecords(holder) {
  const data = readJson(holder.dataset.records);
  for (const [key, values] of Object.entries(data.rows)) {
    if (values.words) data.rows[key] = values.at.map((at) => values.words[at]);
  }
  const { columns, rows, sort, word } = data;
  const also = data.names || {};
  const count = columns.length ? rows[columns[0].key].length : 0;
  const texts = columns.filter((column) => column.text).map((column) => column.key);
  const haystack = Array.from({ length: count }, (_, row) => [...texts.map((key) => rows[key][row] ?? ""), also[rows.symbol?.[row]] ?? ""].join(" ").toLowerCase());
  const state = { key: sort.key, direction: sort.direction, terms: [], first: 0, size: 25 };
  let found = [];

  const search = make("input", { type: "search", placeholder: "Search symbol, name, date…", "aria-label": `Search ${word}s` });
  const status = make("span", { class: "count", role: "status" });
  const size = make("select", { class: "quiet", "aria-label": "Rows a page" },
    ...["25", "100", "500"].map((text) => make("option", { value: text }, `${text} rows`)));
  const before = make("button", { type: "button", class: "quiet" }, "Previous");
  const after = make("button", { type: "button", class: "quiet" }, "Next");
  const body = make("tbody", {});
  const heads = columns.map((column) => {
    const head = make("th", { scope: "col", ...(column.text ? { class: "t" } : {}) });
    const button = make("button", { type: "button" }, column.label);
    button.addEventListener("click", () => {
      const isSame = state.key === column.key;
      state.direction = isSame ? -state.direction : column.text ? 1 : -1;
      state.key = column.key;
      state.first = 0;
      update();
    });
    head.append(button);
    return head;
  });

  // A row that opens: whoever listens for "open" fills the cell below it.
  const opens = holder.hasAttribute("data-opens");
  function opener(text, row) {
    const button = make("button", { type: "button", class: "opener", "aria-expanded": "false" }, text);
    button.addEventListener("click", () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!isOpen));
      const line = button.closest("tr");
      if (isOpen) { line.nextElementSibling.remove(); return; }
      const cell = make("td", { colspan: String(columns.length), class: "opened" });
      line.after(make("tr", {}, cell));
      holder.dispatchEvent(new CustomEvent("open", { detail: { row, cell, data } }));
    });
    return button;
  }

  function update() {
    const column = columns.find((item) => item.key === state.key);
    found = [];
    for (let row = 0; row < count; row++) {
      if (state.terms.every((term) => haystack[row].includes(term))) found.push(row);
    }
    found.sort(compared(rows[state.key], state.direction, column.text));
    page();
  }

  function page() {
    const last = Math.min(state.first + state.size, found.length);
    body.replaceChildren(...found.slice(state.first, last).map((row) => make("tr", {}, ...columns.map((column, at) => {
      const text = shown(rows[column.key][row], column.kind);
      const cell = make(at ? "td" : "th", at ? {} : { scope: "row" }, !at && opens ? opener(text, row) : text);
      if (column.text) cell.className = "t";
      if (column.kind === "text") { cell.className = "t clip"; cell.title = cell.textContent; cell.dir = "auto"; }
      return cell;
    }))));
    heads.forEach((head, at) => {
      if (columns[at].key === state.key) head.setAttribute("aria-sort", state.direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    const range = found.length > state.size ? `${(state.first + 1).toLocaleString("en-US")}–${last.toLocaleString("en-US")} of ` : "";
    status.textContent = range + plural(found.length, word) + (found.length < count ? ` found in ${count.toLocaleString("en-US")}` : "");
    before.disabled = state.first === 0;
    after.disabled = last >= found.length;
  }

  search.addEventListener("input", () => {
    state.terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.first = 0;
    update();
  });
  size.addEventListener("change", () => { state.size = Number(size.value); state.first = 0; page(); });
  before.addEventListener("click", () => { state.first = Math.max(0, state.first - state.size); page(); });
  after.addEventListener("click", () => { state.first += state.size; page(); });
  holder.replaceChildren(
    make("div", { class: "tools" }, search, status, size, before, after),
    make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Table of ${word}s` },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)));
  update();
}

startTheme();
applyTheme();
startKeys();
startCharts();
document.querySelectorAll("[data-records]").forEach(startRecords);
// Who draws the whole page as a picture reads here how tall it is.
addEventListener("load", () => { root.dataset.height = root.scrollHeight; });
