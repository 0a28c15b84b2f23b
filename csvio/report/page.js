"use strict";
(() => {
  const table = document.getElementById("failed");
  if (!table) return;
  const q = document.getElementById("q");
  const shown = document.getElementById("shown");
  const clear = document.getElementById("clear");
  const controls = document.getElementById("controls");
  const boxes = Array.from(controls.querySelectorAll("input[type=checkbox]"));
  const bare = text => text.replace(/[-:. ]/g, "");
  const rows = Array.from(table.tBodies[0].rows, row => ({
    row,
    status: row.dataset.status,
    text: row.textContent.toLowerCase() + " " + bare(row.cells[1].textContent).toLowerCase(),
  }));
  const number = n => n.toLocaleString("en-US");
  const count = n => number(n) + (n === 1 ? " row" : " rows");

  // A word is found as it stands; a MAC, or a part of one, in any of its forms.
  const search = text => {
    const whole = bare(text);
    if (/^[0-9a-f]{12}$/.test(whole)) return [[whole]];
    return text.split(/\s+/).filter(Boolean).map(word => {
      const plain = bare(word);
      return plain !== word && /^[0-9a-f]{4,12}$/.test(plain) ? [word, plain] : [word];
    });
  };

  const filter = () => {
    const words = search(q.value.trim().toLowerCase());
    const statuses = new Set(boxes.filter(box => box.checked).map(box => box.value));
    let n = 0;
    for (const r of rows) {
      const match = (statuses.size === 0 || statuses.has(r.status)) &&
        words.every(forms => forms.some(form => r.text.includes(form)));
      if (r.row.hidden === match) r.row.hidden = !match;
      if (match) n++;
    }
    const all = words.length === 0 && statuses.size === 0;
    shown.textContent = all ? count(rows.length) : number(n) + " of " + count(rows.length);
    clear.hidden = all;
  };

  // The address has the filter, so that it can be kept and passed on.
  const save = () => {
    const params = new URLSearchParams();
    const statuses = boxes.filter(box => box.checked).map(box => box.value);
    if (q.value) params.set("q", q.value);
    if (statuses.length) params.set("status", statuses.join(","));
    try {
      history.replaceState(null, "", "#" + params);
    } catch { /* a frame without an address of its own */ }
  };
  const load = () => {
    const params = new URLSearchParams(location.hash.slice(1));
    const statuses = (params.get("status") || "").split(",");
    q.value = params.get("q") || "";
    for (const box of boxes) box.checked = statuses.includes(box.value);
    filter();
  };

  let timer = 0;
  q.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { filter(); save(); }, 80);
  });
  for (const box of boxes) box.addEventListener("change", () => { filter(); save(); });
  clear.addEventListener("click", () => {
    q.value = "";
    for (const box of boxes) box.checked = false;
    filter();
    save();
    q.focus();
  });
  // A link of the table of statuses: to its rows, with the keyboard too.
  addEventListener("hashchange", () => {
    load();
    const heading = document.getElementById("h-failed");
    heading.tabIndex = -1;
    heading.focus();
  });
  controls.hidden = false;
  load();
})();
