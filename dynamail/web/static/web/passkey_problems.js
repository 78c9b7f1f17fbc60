/* Says in the page that a passkey was not used; allauth's own scripts only write to the console. */
(function () {
  "use strict";
  const sentence = document.currentScript.dataset.problem;
  const place = document.createElement("p");
  place.className = "field-error";
  place.setAttribute("role", "alert");
  document.currentScript.before(place);

  document.addEventListener("allauth.error", function (event) {
    event.preventDefault();
    place.textContent = sentence;
  });
})();
