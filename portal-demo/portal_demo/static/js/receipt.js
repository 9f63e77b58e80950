/** Screen 9: print the receipt. */

const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => print());
