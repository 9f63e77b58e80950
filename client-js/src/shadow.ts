/** Colours of the elements of this package; they follow the page's `color-scheme`. */
export const COLOURS = `
  --text: light-dark(#1b2430, #e9edf3);
  --quiet: light-dark(#566273, #a9b4c4);
  --line: light-dark(#c9d0da, #465160);
  --surface: light-dark(#ffffff, #1b212b);
  --accent: var(--bridged-accent, light-dark(#0b57d0, #8fb8ff));
  --bad: light-dark(#a8201a, #ffb4ab);
`;

/** Give an element a shadow root with its style. */
export function shadow(element: HTMLElement, style: string): ShadowRoot {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  const root = element.attachShadow({ mode: "open", delegatesFocus: true });
  root.adoptedStyleSheets = [sheet];
  return root;
}
