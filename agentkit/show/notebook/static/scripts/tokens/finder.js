/** A field that finds a text across tokens, and goes from one place to the next. */
class Finder {
  constructor(heatmap) {
    this.heatmap = heatmap;
    this.found = [];
    this.hits = [];
    this.field = h("input", {
      type: "search",
      placeholder: "search tokens",
      "aria-label": "search the text of the tokens",
    });
    this.count = h("small", { role: "status" });
    this.field.addEventListener("input", () => this.search(this.field.value));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
    });
  }

  /** Marks where the text stands, across tokens. */
  search(text) {
    const { spans } = this.heatmap;
    for (const i of this.found) spans[i]?.classList.remove("ak-hit");
    this.found = [];
    this.hits = [];
    if (text) {
      if (!this.text) {
        this.ends = new Uint32Array(spans.length);
        let end = 0;
        this.text = spans
          .map((span, i) => {
            end += span.textContent.length;
            this.ends[i] = end;
            return span.textContent;
          })
          .join("")
          .toLowerCase();
      }
      const wanted = text.toLowerCase();
      for (
        let at = this.text.indexOf(wanted), i = 0;
        at >= 0 && this.hits.length < 5000;
        at = this.text.indexOf(wanted, at + wanted.length)
      ) {
        while (this.ends[i] <= at) i++;
        this.hits.push(i);
        const end = at + wanted.length;
        for (let j = i; j < spans.length && (j === i || this.ends[j - 1] < end); j++)
          this.found.push(j);
      }
      for (const i of this.found) spans[i]?.classList.add("ak-hit");
    }
    this.count.textContent = text ? `${this.hits.length} found` : "";
    this.hit = -1;
    if (this.hits.length) this.next(1);
  }

  next(step) {
    if (!this.hits.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    this.heatmap.tell(this.hits[this.hit], "nearest");
  }
}
