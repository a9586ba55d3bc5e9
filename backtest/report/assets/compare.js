/* Comparison of runs: one time axis for all charts, runs lifted out of the others, sorted rows. */
"use strict";

const runCount = document.querySelectorAll("[data-name]").length;
const timed = ["overlay", "rolling"];
const pinned = new Set();
let pointed = null;

const plotOf = (name) => document.querySelector(`.plot[data-figure="${name}"]`);
const runOf = (group) => (/^run\d+$/.test(group ?? "") ? Number(group.slice(3)) : null);

/* Runs in the light: those that are kept, and the one that is pointed at. */
function lit() {
  const runs = new Set(pinned);
  if (pointed !== null) runs.add(pointed);
  return runs;
}

function lightPlot(node) {
  const runs = lit();
  node.classList.toggle("lit", runs.size > 0);
  node.classList.toggle("many", runCount > 7);
  for (const line of node.querySelectorAll(".scatterlayer .trace")) {
    const found = /tracerun(\d+)x/.exec(line.getAttribute("class"));
    const run = found ? Number(found[1]) : null;
    const isOn = run !== null && runs.has(run);
    line.classList.toggle("first", run === 0);
    if (isOn && !line.classList.contains("on")) line.parentNode.append(line);
    line.classList.toggle("on", isOn);
  }
}

function light() {
  const runs = lit();
  for (const name of timed) { const node = plotOf(name); if (node) lightPlot(node); }
  for (const row of document.querySelectorAll("tr[data-run]")) row.classList.toggle("on", runs.has(Number(row.dataset.run)));
}

function pointAt(run) {
  if (run === pointed) return;
  pointed = run;
  light();
}

function startLights() {
  for (const node of document.querySelectorAll("[data-run]")) {
    const run = Number(node.dataset.run);
    node.addEventListener("pointerenter", () => pointAt(run));
    node.addEventListener("pointerleave", () => pointAt(null));
    node.addEventListener("focusin", () => pointAt(run));
    node.addEventListener("focusout", () => pointAt(null));
  }
  for (const button of document.querySelectorAll(".pictures button")) {
    button.addEventListener("click", () => {
      const run = Number(button.dataset.run);
      if (!pinned.delete(run)) pinned.add(run);
      button.setAttribute("aria-pressed", String(pinned.has(run)));
      light();
    });
  }
}

/* One time axis: what is zoomed on one chart is zoomed on the others, drawn already or not yet. */
function rangeOf(change) {
  if (change["xaxis.autorange"]) return null;
  if (change["xaxis.range"]) return change["xaxis.range"];
  const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
  return from !== undefined && to !== undefined ? [from, to] : undefined;
}

function follow(node, change) {
  const range = rangeOf(change);
  if (range === undefined) return;
  for (const name of timed) {
    const other = plotOf(name);
    if (!other || other === node) continue;
    const whole = charts.figures[name].layout.xaxis.whole;
    const axis = charts.figures[name].layout.xaxis;
    axis.range = range ?? whole;
    if (other.layout && String(other.layout.xaxis.range) !== String(axis.range)) Plotly.relayout(other, { "xaxis.range": [...axis.range] });
  }
}

function startAxes() {
  for (const name of timed) {
    const axis = charts.figures[name]?.layout.xaxis;
    if (axis) axis.whole = axis.range;
  }
  document.addEventListener("drawn", ({ target }) => {
    if (!timed.includes(target.dataset.figure)) return;
    lightPlot(target);
    if (target.dataset.linked) return;
    target.dataset.linked = "yes";
    target.on("plotly_relayout", (change) => { if (change) follow(target, change); });
    target.on("plotly_hover", ({ points }) => { if (runCount > 7) pointAt(runOf(points[0]?.data.legendgroup)); });
    target.on("plotly_unhover", () => { if (runCount > 7) pointAt(null); });
  });
}

/* NAV relative to another run than the first: its lines are quotients of lines that are there. */
function startReference() {
  const figure = charts.figures.overlay;
  const lines = new Map();
  for (const trace of figure?.data ?? []) {
    const found = /^run(\d+)x(\d)$/.exec(trace.uid ?? "");
    if (found) lines.set(`${found[1]} ${found[2]}`, trace);
  }
  if (runCount < 3 || !lines.has("0 1")) return;
  const listOf = (value) => (value && "$" in value ? charts.lists[value.$] : value);
  const names = Array.from({ length: runCount }, (_, run) => document.querySelector(`[data-name="${run}"]`).textContent);
  const levels = Array.from({ length: runCount }, (_, run) => {
    const line = lines.get(`${run} 0`), y = listOf(line.y);
    return new Map(listOf(line.x).map((day, at) => [day, y[at]]));
  });
  const select = make("select", { class: "quiet" }, ...names.map((name, run) => make("option", { value: run }, name)));
  const title = figure.layout.annotations[0];
  select.addEventListener("change", () => {
    const base = Number(select.value);
    for (let run = 0; run < runCount; run++) {
      const line = lines.get(`${run} 1`), days = listOf(line.x);
      const start = levels[run].get(days[0]) / levels[base].get(days[0]);
      line.y = days.map((day) => {
        const ratio = levels[run].get(day) / levels[base].get(day) / start;
        return Number.isFinite(ratio) ? 100 * (ratio - 1) : null;
      });
    }
    title.text = `NAV relative to ${names[base].replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")}`;
    draw(plotOf("overlay"));
  });
  const switcher = plotOf("overlay").closest("figure").querySelector(".switch");
  switcher.before(make("label", { class: "reference" }, "Relative to", select));
}

/* Rows sorted by a column; a third press gives back the order in which the runs were given. */
function valueIn(cell) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  return text === "nan" ? NaN : text === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function startSorting(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    const [first, second] = head.classList.contains("t") ? ["ascending", "descending"] : ["descending", "ascending"];
    const after = before === null ? first : before === first ? second : null;
    for (const other of heads) other.removeAttribute("aria-sort");
    if (after) head.setAttribute("aria-sort", after);
    const valueOf = (row) => (after === null ? Number(row.dataset.place) : column ? Number(row.cells[column].dataset.value) : row.cells[0].textContent.trim());
    const sign = after === "descending" ? -1 : 1;
    const rows = [...body.rows].sort((a, b) => {
      const x = valueOf(a), y = valueOf(b);
      if (typeof x === "string" || typeof y === "string") return sign * String(x).localeCompare(String(y), "en");
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return sign * (x - y) || a.dataset.place - b.dataset.place;
    });
    body.append(...rows);
  }));
}

startLights();
startAxes();
startReference();
document.querySelectorAll("table.sortable").forEach(startSorting);
