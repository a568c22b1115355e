// Colours of the viewer, light and dark. Tasks differ by hue and by kind of underline, so that hue is not the only sign.
export const STYLE = `
.fs-frame { border: 1px solid var(--st-border-color, #8884); border-radius: 6px; overflow: hidden; min-height: 320px;
  display: flex; flex-direction: column; font-family: var(--st-font, system-ui, sans-serif); font-size: 13px;
  background: var(--st-background-color, #fff); color: var(--st-text-color, #222);
  --fs-keyword: #7c2fb0; --fs-string: #0b6e3f; --fs-comment: #6b7280; --fs-number: #9a4a00; --fs-type: #1d5fa8; --fs-meta: #8a5a00;
  --fs-call: #1551b5; --fs-evidence: #fff3bf; --fs-jump: #ffe08a; --fs-current: #ffb74766;
  --fs-fp: #c2410c; --fs-cb: #0f766e; --fs-as: #7e22ce; --fs-select: #b6d4fe; }
.fs-frame[data-theme="dark"] { --fs-keyword: #d19af0; --fs-string: #8fd6a5; --fs-comment: #8b949e; --fs-number: #f0b072; --fs-type: #84bdf5;
  --fs-meta: #e3c078; --fs-call: #9cc4ff; --fs-evidence: #4a4218; --fs-jump: #665817; --fs-current: #a8641366;
  --fs-fp: #fb923c; --fs-cb: #2dd4bf; --fs-as: #c792f7; --fs-select: #264f78; }
.fs-loading { opacity: .55; }
.fs-bar { display: flex; align-items: center; gap: .15rem; min-height: 1.9rem; padding: 0 .3rem; flex: none;
  background: var(--st-secondary-background-color, #f5f5f5); border-bottom: 1px solid var(--st-border-color, #8884); }
.fs-button, .fs-crumb, .fs-place { font: inherit; color: inherit; background: none; border: 0; border-radius: 4px; cursor: pointer; padding: .1rem .4rem; }
.fs-button { flex: none; min-width: 1.6rem; font-size: 15px; line-height: 1.35rem; }
.fs-button:hover:not(:disabled), .fs-crumb:hover, .fs-row:hover, .fs-place:hover { background: #8883; }
.fs-button:disabled { opacity: .35; cursor: default; }
.fs-button[aria-pressed="true"] { background: #8883; }
.fs-button:focus-visible, .fs-crumb:focus-visible, .fs-row:focus-visible, .fs-place:focus-visible, .fs-outline input:focus-visible {
  outline: 2px solid var(--st-primary-color, #f63366); outline-offset: -2px; }
.fs-crumbs { display: flex; align-items: center; flex: 1 1 auto; min-width: 0; white-space: nowrap; overflow: hidden; }
.fs-path { overflow: hidden; text-overflow: ellipsis; direction: ltr; padding-left: .3rem; min-width: 3rem; flex: 0 1 auto; color: var(--fs-comment); }
.fs-path b { color: var(--st-text-color, #222); font-weight: 600; }
.fs-then { color: var(--fs-comment); padding: 0 .05rem 0 .4rem; flex: none; }
.fs-crumb { flex: 0 1 auto; min-width: 2rem; overflow: hidden; text-overflow: ellipsis; }
.fs-note { flex: 0 1 auto; min-width: 0; max-width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: 0 .4rem; color: var(--fs-meta); }
.fs-body { position: relative; display: flex; flex: 1 1 auto; min-height: 0; }
.fs-editor { flex: 1 1 auto; min-width: 0; }
.fs-outline { display: flex; flex-direction: column; flex: 0 0 clamp(170px, 26%, 320px); min-width: 0; border-right: 1px solid var(--st-border-color, #8884); }
.fs-outline[hidden], .fs-places[hidden], .fs-help[hidden] { display: none; }
.fs-outline input { margin: .3rem; padding: .2rem .45rem; font: inherit; color: inherit; background: var(--st-background-color, #fff);
  border: 1px solid #8886; border-radius: 4px; min-width: 0; }
.fs-rows { overflow: auto; flex: 0 1 auto; min-height: 0; padding-bottom: .3rem; }
.fs-row { display: flex; align-items: baseline; gap: .25rem; padding: 0 .4rem 0 .35rem; line-height: 1.5; cursor: pointer; white-space: nowrap;
  content-visibility: auto; contain-intrinsic-size: auto 20px; }
.fs-row.fs-here { background: var(--fs-jump); }
.fs-turn { flex: none; width: .8rem; text-align: center; color: var(--fs-comment); }
.fs-glyph { flex: none; width: .9rem; text-align: center; color: var(--fs-comment); font: italic 12px/1 ui-monospace, monospace; }
.fs-kind-function > .fs-glyph { color: var(--fs-call); } .fs-kind-macro > .fs-glyph { color: var(--fs-meta); }
.fs-kind-struct > .fs-glyph, .fs-kind-union > .fs-glyph, .fs-kind-enum > .fs-glyph, .fs-kind-typedef > .fs-glyph { color: var(--fs-type); }
.fs-glyph.fs-task-function_pointer { color: var(--fs-fp); } .fs-glyph.fs-task-callback_timing { color: var(--fs-cb); } .fs-glyph.fs-task-async_pattern { color: var(--fs-as); }
.fs-name { overflow: hidden; text-overflow: ellipsis; flex: 1 1 auto; min-width: 0; }
.fs-kind-site > .fs-name, .fs-kind-macro > .fs-name, .fs-kind-function > .fs-name { font-family: var(--st-code-font, ui-monospace, monospace); font-size: 12px; }
.fs-at { color: var(--fs-comment); font-size: 11px; flex: none; font-variant-numeric: tabular-nums; }
.fs-said { padding: .3rem .6rem; color: var(--fs-comment); } .fs-said:empty { display: none; }
.fs-places { flex: none; display: flex; flex-direction: column; max-height: 38%; border-top: 1px solid var(--st-border-color, #8884); }
.fs-places header, .fs-help header { display: flex; align-items: center; justify-content: space-between; padding: .1rem .3rem .1rem .6rem;
  background: var(--st-secondary-background-color, #f5f5f5); flex: none; }
.fs-title { font-weight: 600; }
.fs-list { overflow: auto; padding-bottom: .3rem; }
.fs-file { padding: .25rem .6rem 0; color: var(--fs-comment); font-size: 12px; } .fs-file.fs-here { font-weight: 600; }
.fs-place { display: flex; align-items: baseline; gap: .6rem; width: 100%; padding: .05rem .6rem; border-radius: 0; text-align: left; white-space: pre; }
.fs-place > .fs-at { min-width: 2.6rem; text-align: right; }
.fs-place > .fs-what { flex: none; min-width: 5.2rem; color: var(--fs-comment); font-size: 12px; }
.fs-place code { font: 12.5px var(--st-code-font, ui-monospace, "SFMono-Regular", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace); overflow: hidden; text-overflow: ellipsis; }
.fs-place code b { background: var(--fs-jump); font-weight: inherit; }
.fs-help { position: absolute; inset: .6rem .6rem auto auto; max-width: min(34rem, calc(100% - 1.2rem)); max-height: calc(100% - 1.2rem); overflow: auto; z-index: 20;
  background: var(--st-background-color, #fff); border: 1px solid var(--st-border-color, #8886); border-radius: 6px; box-shadow: 0 4px 18px #0003; }
.fs-help:focus { outline: none; }
.fs-help dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem .9rem; margin: .5rem .8rem .7rem; line-height: 1.5; }
.fs-help dt { white-space: nowrap; } .fs-help dd { margin: 0; }
.fs-help kbd { font: 12px ui-monospace, monospace; border: 1px solid #8886; border-radius: 4px; padding: .05rem .35rem; background: var(--st-secondary-background-color, #f5f5f5); }
.fs-follow .cm-content { cursor: pointer; }
.fs-frame .cm-editor .cm-cursor { border-left: 2px solid var(--st-text-color, #222); }
.fs-frame .cm-editor .cm-cursorLayer { animation: none; }
.fs-frame .cm-editor .cm-selectionLayer .cm-selectionBackground { background: var(--fs-select); }
.cm-editor { height: 100%; font-size: 13px; }
.cm-editor.cm-focused { outline: 2px solid var(--st-primary-color, #f63366); outline-offset: -2px; }
.cm-scroller { font-family: var(--st-code-font, ui-monospace, "SFMono-Regular", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace); line-height: 1.5; }
.fs-frame .cm-editor .cm-gutters { background: var(--st-secondary-background-color, #f5f5f5); color: var(--fs-comment); border-right: 1px solid var(--st-border-color, #8884); }
.fs-frame .cm-editor .cm-activeLine:not(.fs-jump):not(.fs-evidence), .fs-frame .cm-editor .cm-activeLineGutter { background: transparent; }
.fs-frame .cm-editor .cm-line.fs-evidence { background: var(--fs-evidence); }
.fs-frame .cm-editor .cm-line.fs-jump { background: var(--fs-jump); }
.fs-frame .cm-editor .cm-selectionMatch { background: #8884; }
.fs-frame .cm-editor .cm-specialChar { color: #d33; }
.fs-frame .cm-editor .cm-panels { background: var(--st-secondary-background-color, #f5f5f5); color: inherit; }
.fs-frame .cm-panels input, .fs-frame .cm-panels button { background: var(--st-background-color, #fff); color: inherit; border: 1px solid #8886; border-radius: 3px; background-image: none; }
.cm-searchMatch { background: #ffd54a88; } .cm-searchMatch-selected { background: #ff9f1caa; }
.fs-dots { width: 1.3em; cursor: pointer; text-align: center; }
.fs-dot { font-size: 11px; }
.fs-mark { cursor: pointer; border-radius: 2px; text-decoration-thickness: 2px; text-underline-offset: 3px; }
.fs-mark:hover { background: #8883; }
.fs-mark.fs-task-function_pointer { text-decoration: underline solid var(--fs-fp) 2px; }
.fs-mark.fs-task-callback_timing { text-decoration: underline dashed var(--fs-cb) 2px; }
.fs-mark.fs-task-async_pattern { text-decoration: underline wavy var(--fs-as) 1.5px; }
.fs-dot.fs-task-function_pointer { color: var(--fs-fp); } .fs-dot.fs-task-callback_timing { color: var(--fs-cb); } .fs-dot.fs-task-async_pattern { color: var(--fs-as); }
.fs-mark.fs-status-open { font-weight: 600; }
.fs-mark.fs-current { background: var(--fs-current); outline: 1px solid var(--fs-fp); }
.fs-dot.fs-current { font-size: 15px; }
.tok-keyword, .tok-operatorKeyword, .tok-modifier { color: var(--fs-keyword); }
.tok-string, .tok-string2 { color: var(--fs-string); }
.tok-comment { color: var(--fs-comment); font-style: italic; }
.tok-number, .tok-bool, .tok-literal { color: var(--fs-number); }
.tok-typeName, .tok-namespace, .tok-className { color: var(--fs-type); }
.tok-meta { color: var(--fs-meta); }
.tok-variableName.tok-definition { color: var(--fs-call); }
`;
