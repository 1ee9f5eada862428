// Tables that stay quick with thousands of rows: only what changed is written, and only the first rows that match the
// filter are there, until more are asked for. Every column can be sorted by.

import { find, make, show, write } from "./dom.js";

const ROWS = 200;
const words = new Intl.Collator("en", { numeric: true });

function compare(a, b) {
  const absent = (value) => value === null || value === undefined;
  if (absent(a) || absent(b)) return absent(a) ? (absent(b) ? 0 : 1) : -1;
  return typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));
}

export class Table {
  /**
   * `id` names a `table`. `columns` are { key, title, number, format, head, fill, value }: `format` makes the text of
   * a value, `fill` fills a cell in place of it, `value` takes what is sorted by from a row. `keyOf` names a row.
   */
  constructor(id, { caption, columns, keyOf, sort, filter, empty }) {
    this.table = find(id);
    this.columns = columns;
    this.keyOf = keyOf;
    this.sort = sort;
    this.filter = filter ? find(filter) : null;
    this.limit = ROWS;
    this.kept = new Map();
    this.rows = [];
    this.total = null;
    this.body = make("tbody");
    this.foot = make("tfoot");
    this.heads = columns.map((column) => this.makeHead(column));
    this.caption = make("caption", { text: caption });
    this.table.append(this.caption, make("thead", {}, make("tr", {}, ...this.heads)), this.body, this.foot);
    this.note = make("p", { class: "sub" });
    this.empty = empty;
    this.more = make("button", { type: "button", class: "quiet", text: `Show ${ROWS} more rows`, hidden: true });
    this.more.addEventListener("click", () => {
      this.limit += ROWS;
      this.render();
    });
    this.table.parentElement.after(make("div", { class: "below" }, this.note, this.more));
    this.filter?.addEventListener("input", () => {
      this.limit = ROWS;
      this.render();
    });
    this.render();
  }

  makeHead(column) {
    const button = make("button", { type: "button", class: "sort", text: column.title });
    const head = make("th", { scope: "col", class: column.number ? "number" : "" }, button);
    button.addEventListener("click", () => {
      const descending = this.sort.key === column.key ? !this.sort.descending : column.number === true;
      this.sort = { key: column.key, descending };
      this.render();
    });
    return head;
  }

  /** Shows other rows, and a last row about all of them. */
  update(rows, total = null) {
    this.rows = rows;
    this.total = total;
    this.render();
  }

  render() {
    const wanted = (this.filter?.value ?? "").trim().toLowerCase();
    const texts = this.columns.filter((column) => !column.number);
    const matches = (row) => texts.some((column) => String(this.valueOf(row, column) ?? "").toLowerCase().includes(wanted));
    const found = wanted === "" ? [...this.rows] : this.rows.filter(matches);
    const column = this.columns.find(({ key }) => key === this.sort.key);
    if (column) {
      const sign = this.sort.descending ? -1 : 1;
      found.sort((a, b) => sign * compare(this.valueOf(a, column), this.valueOf(b, column)));
    }
    for (const [at, head] of this.heads.entries()) {
      const sorted = this.columns[at].key === this.sort.key;
      const direction = sorted ? (this.sort.descending ? "descending" : "ascending") : "none";
      if (head.getAttribute("aria-sort") !== direction) head.setAttribute("aria-sort", direction);
    }
    this.place(found.slice(0, this.limit));
    this.renderTotal();
    const left = found.length - Math.min(found.length, this.limit);
    show(this.more, left > 0);
    const shown = `${found.length - left} of ${this.rows.length} rows`;
    const none = this.rows.length === 0 ? this.empty : `No row contains “${wanted}”.`;
    write(this.note, found.length === 0 ? none : wanted !== "" || left > 0 ? shown : "");
    show(this.note, this.note.textContent !== "");
  }

  valueOf(row, column) {
    return column.value ? column.value(row) : row[column.key];
  }

  place(rows) {
    const present = new Set();
    for (const [at, row] of rows.entries()) {
      const key = this.keyOf(row);
      if (present.has(key)) continue;
      present.add(key);
      let line = this.kept.get(key);
      if (line === undefined) {
        line = this.makeRow();
        this.kept.set(key, line);
      }
      this.fillRow(line, row);
      const there = this.body.children[at] ?? null;
      if (there !== line.element) this.body.insertBefore(line.element, there);
    }
    for (const [key, line] of this.kept) {
      if (present.has(key)) continue;
      line.element.remove();
      this.kept.delete(key);
    }
  }

  makeRow() {
    const cells = this.columns.map((column) => {
      const number = column.number ? "number" : null;
      return column.head ? make("th", { scope: "row", class: number }) : make("td", { class: number });
    });
    return { element: make("tr", {}, ...cells), cells, row: null };
  }

  fillRow(line, row) {
    if (line.row === row) return;
    line.row = row;
    for (const [at, column] of this.columns.entries()) {
      const value = this.valueOf(row, column);
      if (column.fill) column.fill(line.cells[at], row);
      else write(line.cells[at], column.format ? column.format(value) : String(value ?? ""));
    }
  }

  renderTotal() {
    if (this.total === null) {
      this.foot.replaceChildren();
      this.last = undefined;
      return;
    }
    if (this.last === undefined) {
      this.last = this.makeRow();
      this.foot.replaceChildren(this.last.element);
    }
    this.fillRow(this.last, this.total);
  }
}
