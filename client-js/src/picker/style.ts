import { COLOURS } from "../shadow.ts";

/** The picker's style; it follows the page's `color-scheme` and font. */
export const STYLE = `
:host {
  ${COLOURS}
  --chosen: light-dark(#f0f5ff, #1c2a42);
  --warn: light-dark(#7d4a00, #ffd08a);
  --warn-back: light-dark(#fff3dc, #3a2b10);
  --bad-back: light-dark(#fdecea, #431a17);
  --back: light-dark(#eef1f5, #2a323e);
  display: block;
  container-type: inline-size;
  color: var(--text);
  line-height: 1.6;
}
:host([hidden]) { display: none }
* { box-sizing: border-box }
.picker, .reader, .choices { display: grid; gap: 0.75rem }
.picker { gap: 1.25rem }
.unseen {
  position: absolute; width: 1px; height: 1px; margin: -1px;
  overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.icon {
  flex: none; width: 1.5em; height: 1.5em; fill: none; stroke: currentColor;
  stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round;
}
.icon-wait { animation: turn 1s linear infinite }
@keyframes turn { to { transform: rotate(1turn) } }
@media (prefers-reduced-motion: reduce) { .icon-wait { animation-duration: 8s } }

.title {
  display: flex; align-items: center; gap: 0.5rem; margin: 0;
  color: var(--quiet); font-size: 0.875rem; overflow-wrap: anywhere;
}
.state {
  display: flex; gap: 0.75rem; padding: 0.875rem 1rem;
  border: 1px solid var(--line); border-radius: 0.5rem; background: var(--surface);
}
.state .icon { margin-top: 0.05em; color: var(--quiet) }
.state p, .note { text-wrap: pretty; word-break: auto-phrase }
.state p { margin: 0 }
.state strong { font-weight: 600 }
.state p + p { margin-top: 0.125rem; color: var(--quiet); font-size: 0.9375rem }
.state[data-tone="todo"] { border-style: dashed }
.state[data-tone="wait"] .icon { color: var(--accent) }
.state[data-tone="error"] { border-color: var(--bad) }
.state[data-tone="error"] .icon { color: var(--bad) }

.certificate {
  display: grid; grid-template-columns: auto 1fr; gap: 0 0.75rem; padding: 0.875rem 1rem;
  border: 1px solid var(--line); border-radius: 0.5rem; background: var(--surface);
  cursor: pointer;
}
.certificate:hover { border-color: var(--accent) }
.certificate:has(:checked) {
  border-color: var(--accent); background: var(--chosen); box-shadow: inset 0 0 0 1px var(--accent);
}
.certificate:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px }
.certificate:has(:disabled) { border-color: var(--line); background: none; cursor: not-allowed }
.certificate:has(:disabled) :is(.holder, .organization, dd) { color: var(--quiet) }
input { width: 1.125rem; height: 1.125rem; margin: 0.25rem 0 0; accent-color: var(--accent) }
input:focus-visible { outline: none }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 0.5rem }
.holder { font-weight: 600; overflow-wrap: anywhere }
.organization { overflow-wrap: anywhere }
.tag {
  padding: 0.0625rem 0.5rem; border-radius: 0.25rem; background: var(--back); color: var(--quiet);
  font-size: 0.8125rem; white-space: nowrap;
}
.badge {
  display: inline-block; padding: 0 0.5rem; border-radius: 0.25rem;
  font-size: 0.8125rem; font-weight: 600; white-space: nowrap;
}
.badge[data-tone="warn"] { background: var(--warn-back); color: var(--warn) }
.badge[data-tone="bad"] { background: var(--bad-back); color: var(--bad) }
dl {
  display: grid; grid-template-columns: max-content 1fr; gap: 0.125rem 0.75rem;
  margin: 0.375rem 0 0; font-size: 0.875rem;
}
dl div { display: contents }
dt { color: var(--quiet) }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.note { margin: 0.375rem 0 0; color: var(--quiet); font-size: 0.875rem }
@container (min-width: 36rem) {
  dl { grid-template-columns: max-content 12em max-content 1fr }
}
@media (forced-colors: active) {
  .certificate:has(:checked) { border: 2px solid Highlight }
}
`;
