/* All runs: theme, sorting, filters, ticked runs. Text from data is set as text, never as markup. */
"use strict";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const data = typeof backtestIndex === "object" && backtestIndex ? backtestIndex : null;

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
  byId("theme").textContent = `Theme: ${choice}`;
}

byId("theme").addEventListener("click", () => {
  root.dataset.choice = themes[(themes.indexOf(root.dataset.choice) + 1) % themes.length];
  try { localStorage.setItem("backtest-theme", root.dataset.choice); } catch { /* not kept */ }
  applyTheme();
});
darkSystem.addEventListener("change", applyTheme);
applyTheme();

/* Runs: the table's rows, each with its record of the data file where there is one. */
const records = new Map((data ? data.runs : []).map((run, at) => [run.path, { ...run, at }]));
const table = byId("runs");
const heads = table ? [...table.tHead.rows[0].cells].filter((head) => head.dataset.key) : [];
const runs = table ? [...table.tBodies[0].rows].map((row, at) => {
  const cells = new Map([...row.cells].map((cell) => [cell.dataset.key, cell.dataset.sort]));
  cells.set("name", row.cells[1].dataset.sort);
  return { row, at, path: row.dataset.path, name: row.cells[1].dataset.sort, cells, record: records.get(row.dataset.path) };
}) : [];
const known = runs.filter((run) => run.record);
const inputOf = (input, run) => (input.at ? (input.at[run.record.at] < 0 ? undefined : input.values[input.at[run.record.at]]) : input.values[0]);
const varied = data ? data.inputs.filter((input) => input.at) : [];
for (const run of runs) {
  const inputs = run.record ? data.inputs.map((input) => `${input.key}=${inputOf(input, run) ?? ""}`) : [];
  run.text = [run.path, run.row.textContent, ...inputs].join(" ").toLowerCase();
}

/* State, kept in the address, so that a filtered table or a comparison can be bookmarked. */
const state = { q: "", picks: new Map(), sort: "", direction: -1, ticked: new Set(), isCompared: false };

function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  state.q = said.get("q") || "";
  for (const pick of said.getAll("pick")) {
    const cut = pick.indexOf("=");
    if (cut > 0) state.picks.set(pick.slice(0, cut), pick.slice(cut + 1));
  }
  const [key, way] = (said.get("sort") || "").split(":");
  if (heads.some((head) => head.dataset.key === key)) Object.assign(state, { sort: key, direction: way === "up" ? 1 : -1 });
  for (const path of said.getAll("run")) if (known.some((run) => run.path === path)) state.ticked.add(path);
  state.isCompared = said.has("compare") && state.ticked.size > 0;
}

function writeAddress() {
  const said = new URLSearchParams();
  if (state.q) said.set("q", state.q);
  for (const [key, value] of state.picks) said.append("pick", `${key}=${value}`);
  if (state.sort) said.set("sort", `${state.sort}:${state.direction > 0 ? "up" : "down"}`);
  for (const path of state.ticked) said.append("run", path);
  if (state.isCompared) said.set("compare", "");
  const text = said.toString();
  try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); } catch { /* not kept */ }
}

/* Filters: words, key=value with the end of a key or a measure, and the pick lists. */
function plainNumber(text) {
  const [, digits, percent] = /^([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(%?)$/i.exec(text) || [];
  return digits ? Number(digits.replaceAll("_", "")) / (percent ? 100 : 1) : NaN;
}

function isLike(own, sign, wanted) {
  const a = plainNumber(own), b = plainNumber(wanted);
  const isNumber = !Number.isNaN(a) && !Number.isNaN(b);
  if (sign === "<") return isNumber ? a < b : own < wanted;
  if (sign === ">") return isNumber ? a > b : own > wanted;
  if (sign === "<=") return isNumber ? a <= b : own <= wanted;
  if (sign === ">=") return isNumber ? a >= b : own >= wanted;
  const isSame = isNumber ? a === b : own.toLowerCase() === wanted;
  return sign === "!=" ? !isSame : isSame;
}

function testOf(term) {
  const [, key, sign, wanted] = /^([\w. ()/-]+?)(<=|>=|!=|=|<|>)(.+)$/.exec(term) || [];
  const column = key && heads.find((head) => head.dataset.key === key.replaceAll(" ", "_") && !("text" in head.dataset));
  if (column) return (run) => run.cells.get(column.dataset.key) !== "" && isLike(run.cells.get(column.dataset.key), sign, wanted);
  const inputs = key && data ? data.inputs.filter((input) => `.${input.key.toLowerCase()}`.endsWith(`.${key}`)) : [];
  if (!inputs.length) return (run) => run.text.includes(term);
  return (run) => run.record && inputs.some((input) => {
    const own = inputOf(input, run);
    return own !== undefined && isLike(own, sign, wanted);
  });
}

/* Words apart by spaces; "in quotes" they stay together. */
const terms = (text) => [...text.toLowerCase().matchAll(/"([^"]*)"|(\S+)/g)].map((found) => found[1] ?? found[2]).filter(Boolean);
const pickOf = (key, run) => {
  if (key === "data") return run.cells.get("data").split(" ")[0];
  const input = run.record && data.inputs.find((item) => item.key === key);
  return input ? inputOf(input, run) : undefined;
};

function filter() {
  const tests = terms(state.q).map(testOf);
  let count = 0;
  for (const run of runs) {
    const fits = tests.every((test) => test(run)) && [...state.picks].every(([key, value]) => pickOf(key, run) === value);
    run.row.hidden = !fits;
    count += fits;
  }
  const all = `${runs.length.toLocaleString("en-US")} run${runs.length === 1 ? "" : "s"}`;
  byId("count").textContent = count === runs.length ? all : `${count.toLocaleString("en-US")} of ${all}`;
  byId("none").hidden = count > 0;
  table.hidden = count === 0;
  byId("clear-filters").hidden = !state.q && !state.picks.size;
  showChips();
}

function showChips() {
  const chips = [...state.picks].map(([key, value]) => {
    const button = make("button", { type: "button", "aria-label": `Remove the filter ${key} = ${value}` }, `${key} = ${value} ×`);
    button.addEventListener("click", () => { state.picks.delete(key); update(); byId("filter").focus(); });
    return make("li", {}, button);
  });
  byId("chips").replaceChildren(...chips);
  byId("chips").hidden = !chips.length;
  for (const list of document.querySelectorAll("[data-pick]")) list.value = state.picks.get(list.dataset.pick) ?? "";
}

function option(value, label) { return make("option", { value }, label); }

function counted(key) {
  const counts = new Map();
  for (const run of runs) {
    const value = pickOf(key, run);
    if (value !== undefined) counts.set(value, (counts.get(value) || 0) + 1);
  }
  const byValue = ([a], [b]) => { const x = plainNumber(a), y = plainNumber(b); return Number.isNaN(x - y) ? (a < b ? -1 : 1) : x - y; };
  return [...counts].sort(byValue);
}

const short = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

function valueList(label, key) {
  const list = make("select", { class: "quiet", "aria-label": label, "data-pick": key }, option("", label),
    ...counted(key).map(([value, count]) => option(value, `${short(value)} (${count})`)));
  list.addEventListener("change", () => {
    if (list.value) state.picks.set(key, list.value); else state.picks.delete(key);
    update();
  });
  return list;
}

function startPicks() {
  const keys = varied.filter((input) => !input.dress || input.key === "name" || input.key === "look_ahead");
  const first = [["Any strategy", "strategy.name"], ["Any bundle", "data.bundle"]].filter(([, key]) => keys.some((input) => input.key === key));
  const lists = first.map(([label, key]) => valueList(label, key));
  if (new Set(runs.map((run) => pickOf("data", run))).size > 1) lists.push(valueList("Simulated or real", "data"));
  const holder = make("span", { class: "picks" });
  if (keys.length) {
    const list = make("select", { class: "quiet", "aria-label": "Config key to filter by", id: "pick-key" }, option("", "Config key…"),
      ...keys.map((input) => option(input.key, input.key)));
    list.addEventListener("change", () => holder.replaceChildren(...(list.value ? [valueList("Any value", list.value)] : [])));
    lists.push(list);
  }
  byId("picks").append(...lists, holder);
}

const orderWords = (isText) => (isText ? ["Z to A", "A to Z"] : ["largest first", "smallest first"]);

/* Sorting: what is not known comes last either way. */
function sort() {
  const head = heads.find((item) => item.dataset.key === state.sort);
  const isText = head && "text" in head.dataset;
  const ordered = [...runs];
  if (head) ordered.sort((one, other) => {
    const a = one.cells.get(state.sort) ?? "", b = other.cells.get(state.sort) ?? "";
    if (a === b) return one.at - other.at;
    if (a === "") return 1;
    if (b === "") return -1;
    return state.direction * (isText ? (a < b ? -1 : 1) : Number(a) - Number(b)) || one.at - other.at;
  });
  table.tBodies[0].append(...ordered.map((run) => run.row));
  for (const item of heads) {
    if (item === head) item.setAttribute("aria-sort", state.direction > 0 ? "ascending" : "descending");
    else item.removeAttribute("aria-sort");
  }
  byId("order").textContent = head ? `By ${head.textContent.toLowerCase()}, ${orderWords(isText)[state.direction > 0 ? 1 : 0]}.` : "Last finished first.";
  byId("sort").value = state.sort ? `${state.sort}:${state.direction > 0 ? "up" : "down"}` : "";
}

function startHeads() {
  const list = byId("sort");
  list.append(option("", "last finished"));
  for (const head of heads) {
    const label = head.textContent, key = head.dataset.key, isText = "text" in head.dataset;
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      state.direction = state.sort === key ? -state.direction : isText && key !== "finished" ? 1 : -1;
      state.sort = key;
      update();
    });
    head.replaceChildren(button);
    list.append(option(`${key}:down`, `${label}, ${orderWords(isText)[0]}`), option(`${key}:up`, `${label}, ${orderWords(isText)[1]}`));
  }
  list.addEventListener("change", () => {
    const [key, way] = list.value.split(":");
    Object.assign(state, { sort: key, direction: way === "up" ? 1 : -1 });
    update();
  });
}

/* Ticked runs. */
function startTicks() {
  for (const run of known) {
    const box = make("input", { type: "checkbox", "aria-label": `Tick ${run.name}, ${run.record.fingerprint.slice(0, 8)}` });
    box.addEventListener("change", () => {
      if (box.checked) state.ticked.add(run.path); else state.ticked.delete(run.path);
      update();
    });
    run.row.cells[0].append(box);
    run.box = box;
  }
}

const tickedRuns = () => known.filter((run) => state.ticked.has(run.path));

function showTray() {
  const chosen = tickedRuns();
  for (const run of known) {
    run.box.checked = state.ticked.has(run.path);
    run.row.classList.toggle("ticked", run.box.checked);
  }
  const tray = byId("tray");
  tray.hidden = !chosen.length;
  if (!chosen.length) return;
  const compare = make("button", { type: "button", class: "primary", id: "compare" }, state.isCompared ? "Go to the comparison" : chosen.length === 1 ? "Look at 1 run" : `Compare ${chosen.length} runs`);
  compare.addEventListener("click", () => { state.isCompared = true; update(); byId("comparison").focus(); byId("comparison").scrollIntoView(); });
  const clear = make("button", { type: "button", class: "quiet" }, "Untick all");
  clear.addEventListener("click", () => { state.ticked.clear(); state.isCompared = false; update(); });
  tray.replaceChildren(compare, make("span", { class: "names" }, chosen.map((run) => run.name).join(", ")), clear);
}

function update() {
  filter();
  sort();
  if (data) showTray();
  showComparison();
  writeAddress();
}

/* Runs after the comparison's script is there, too. */
function start() {
  if (!table) return;
  byId("no-data").hidden = known.length === runs.length;
  byId("filters").hidden = false;
  startHeads();
  startTicks();
  if (data) startPicks();
  readAddress();
  byId("filter").value = state.q;
  let waiting = 0;
  byId("filter").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.q = byId("filter").value; update(); }, runs.length > 200 ? 120 : 0);
  });
  byId("clear-filters").addEventListener("click", () => {
    state.q = byId("filter").value = "";
    state.picks.clear();
    update();
    byId("filter").focus();
  });
  update();
}
