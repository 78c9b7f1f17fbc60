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
    noun.hidden = !noun.querySelector("[data-words]:not([hidden])");
  }
  nothing.hidden = shown > 0;
};
field.addEventListener("input", show);
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(input|textarea)$/i.test(document.activeElement.tagName)) {
    event.preventDefault();
    field.focus();
  }
});
