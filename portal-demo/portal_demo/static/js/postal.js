/** Find the address of a postal code: a help that may find nothing and refuses nothing. */
import { say } from "./text.js";

const CODE = /^[0-9]{3}-[0-9]{4}$/;

/** Fill an empty `address` by the code in `postal`; where there is more to choose, offer it. */
export function offerAddresses(postal, address) {
  const box = document.createElement("div");
  box.className = "addresses";
  box.setAttribute("role", "status");
  postal.after(box);

  postal.addEventListener("change", async () => {
    const code = postal.value;
    box.replaceChildren();
    const found = CODE.test(code) ? await addressesOf(code) : [];
    if (postal.value !== code) {
      return;
    }
    if (found.length === 1 && address.value === "") {
      fill(found[0].address);
      box.textContent = say(`住所を入力しました: ${found[0].address}`, `Address entered: ${found[0].address}`);
    } else if (found.some((one) => !address.value.startsWith(one.address))) {
      box.append(...found.slice(0, 8).map(button));
    }
  });

  function button({ address: text, name }) {
    const offer = document.createElement("button");
    offer.type = "button";
    offer.className = "button small";
    offer.lang = "ja";
    offer.textContent = name ? `${text}（${name}）` : text;
    offer.setAttribute("aria-label", say(`住所に「${text}」を入力`, `Use “${text}” as the address`));
    offer.addEventListener("click", () => {
      fill(text);
      box.replaceChildren();
      address.focus();
    });
    return offer;
  }

  function fill(text) {
    address.value = text;
    address.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

async function addressesOf(code) {
  try {
    const response = await fetch(`/api/postal/${code}`);
    return response.ok ? (await response.json()).addresses : [];
  } catch {
    return [];
  }
}
