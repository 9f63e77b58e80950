/** Print a page that is to be kept: the receipt, recovery codes. */

const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => print());
