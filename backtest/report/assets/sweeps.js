"use strict";

const FRESH = 15; /* seconds after which a sweep that says nothing may have been killed */

function put(parent, tag, text, name) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  parent.append(node);
  return node;
}

function left(one) {
  if (!(one.per_second > 0)) return "";
  const seconds = (one.total - one.done) / one.per_second;
  return seconds < 90 ? `, ${seconds.toFixed(0)} s left` : `, ${(seconds / 60).toFixed(0)} min left`;
}

function far(one) {
  if (one.state !== "running") return one.state === "complete" ? "complete" : "stopped; the same command goes on";
  const failed = one.failed ? `, ${one.failed} failed` : "";
  const silent = Date.now() / 1000 - one.updated > FRESH ? "; silent for a while: it may have been stopped" : "";
  return `${one.done} of ${one.total} trials, ${one.per_second} a second${failed}${left(one)}${silent}`;
}

function show(sweeps) {
  const list = document.getElementById("sweeps");
  list.replaceChildren();
  for (const one of sweeps) {
    const item = put(list, "li", "");
    const name = put(item, "span", "", "name");
    if (one.page) {
      const link = put(name, "a", one.name);
      link.href = "/" + one.page.split("/").map(encodeURIComponent).join("/");
    } else {
      name.textContent = one.name;
    }
    put(item, "code", one.fingerprint);
    if (one.state === "running") {
      const bar = put(item, "progress", "");
      bar.max = one.total;
      bar.value = one.done;
      bar.setAttribute("aria-label", `Trials of ${one.name}`);
    }
    put(item, "span", far(one), "far");
  }
  const running = sweeps.filter((one) => one.state === "running").length;
  const all = sweeps.length === 1 ? "1 sweep" : `${sweeps.length} sweeps`;
  document.getElementById("state").textContent = sweeps.length ? `${all}, ${running} running.` : "No sweep yet.";
}

async function ask() {
  try {
    const answer = await fetch(SOURCE, { cache: "no-store" });
    show(await answer.json());
  } catch {
    document.getElementById("state").textContent = "The server does not answer any more.";
  }
  setTimeout(ask, 2000);
}

ask();
