import { COLOURS } from "../shadow.ts";

/** The element's style; it follows the page's `color-scheme` and font. */
export const STYLE = `
:host {
  ${COLOURS}
  --on-accent: light-dark(#ffffff, #10203a);
  display: block;
  padding: 1.25rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--surface);
  color: var(--text);
  line-height: 1.7;
}
:host([hidden]) { display: none }
h2 { margin: 0 0 0.5rem; font-size: 1.125rem; line-height: 1.4 }
ol { margin: 0; padding-inline-start: 1.5rem }
li + li { margin-top: 0.375rem }
li, p { text-wrap: pretty; word-break: auto-phrase }
.note { margin: 0.75rem 0 1rem; color: var(--quiet); font-size: 0.9375rem }
button {
  min-height: 2.75rem; padding: 0.5rem 1.5rem; border: 0; border-radius: 0.5rem;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer;
}
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
button:disabled { opacity: 0.6; cursor: default }
[role="status"] { margin: 0.75rem 0 0 }
[role="status"]:empty { display: none }
[role="status"] a { color: var(--accent); font-weight: 600 }
[data-tone="error"] { color: var(--bad) }
`;
