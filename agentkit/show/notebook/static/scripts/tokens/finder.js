/** A field that finds a text across tokens, and goes from one place to the next. */
class Finder {
  constructor(heatmap) {
    this.heatmap = heatmap;
    this.found = [];
    this.hits = [];
    this.field = h("input", {
      type: "search",
      placeholder: "search tokens",
      ariaLabel: "search the text of the tokens",
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
    for (const i of this.found) spans[i].classList.remove("ak-hit");
    this.found = [];
    this.hits = [];
    if (text) {
      this.texts ??= spans.map((span) => span.textContent.toLowerCase());
      this.text ??= this.texts.join("");
      const wanted = text.toLowerCase();
      let [i, begin] = [0, 0];
      for (let at = this.text.indexOf(wanted); at >= 0 && this.hits.length < 5000;) {
        const end = at + wanted.length;
        while (begin + this.texts[i].length <= at) begin += this.texts[i++].length;
        this.hits.push(i);
        for (let j = i, from = begin; from < end; from += this.texts[j++].length)
          this.found.push(j);
        at = this.text.indexOf(wanted, end);
      }
      for (const i of this.found) spans[i].classList.add("ak-hit");
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
