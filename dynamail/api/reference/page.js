const field = document.getElementById("search");
const nothing = document.getElementById("nothing");
field.closest(".search").hidden = false;
if (matchMedia("(max-width: 52rem)").matches) document.querySelector("nav details").open = false;
const show = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const one of document.querySelectorAll("[data-words]")) {
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
    if (!one.hidden) shown += 1;
  }
  for (const noun of document.querySelectorAll("[data-noun]")) {
    noun.hidden = words.length > 0 && !noun.querySelector("[data-words]:not([hidden])");
  }
  nothing.hidden = shown > 0;
};
field.addEventListener("input", show);
if (navigator.clipboard) {
  for (const code of document.querySelectorAll("pre")) {
    const frame = document.createElement("div");
    const button = document.createElement("button");
    frame.className = "code";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1600);
    });
    code.replaceWith(frame);
    frame.append(code, button);
  }
}
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(input|textarea)$/i.test(document.activeElement.tagName)) {
    event.preventDefault();
    field.focus();
  }
});
