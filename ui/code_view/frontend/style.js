// Colours of the viewer, light and dark. Tasks differ by hue and by kind of underline, so that hue is not the only sign.
export const STYLE = `
.fs-frame { border: 1px solid var(--st-border-color, #8884); border-radius: 6px; overflow: hidden; min-height: 320px;
  background: var(--st-background-color, #fff); color: var(--st-text-color, #222);
  --fs-keyword: #7c2fb0; --fs-string: #0b6e3f; --fs-comment: #6b7280; --fs-number: #9a4a00; --fs-type: #1d5fa8; --fs-meta: #8a5a00;
  --fs-call: #1551b5; --fs-evidence: #fff3bf; --fs-jump: #ffe08a; --fs-current: #ffb74766;
  --fs-fp: #c2410c; --fs-cb: #0f766e; --fs-as: #7e22ce; --fs-select: #b6d4fe; }
.fs-frame[data-theme="dark"] { --fs-keyword: #d19af0; --fs-string: #8fd6a5; --fs-comment: #8b949e; --fs-number: #f0b072; --fs-type: #84bdf5;
  --fs-meta: #e3c078; --fs-call: #9cc4ff; --fs-evidence: #4a4218; --fs-jump: #665817; --fs-current: #a8641366;
  --fs-fp: #fb923c; --fs-cb: #2dd4bf; --fs-as: #c792f7; --fs-select: #264f78; }
.fs-loading { opacity: .55; }
.cm-editor { height: 100%; font-size: 13px; }
.cm-editor.cm-focused { outline: 2px solid var(--st-primary-color, #f63366); outline-offset: -2px; }
.cm-scroller { font-family: var(--st-code-font, ui-monospace, "SFMono-Regular", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace); line-height: 1.5; }
.fs-frame .cm-editor .cm-gutters { background: var(--st-secondary-background-color, #f5f5f5); color: var(--fs-comment); border-right: 1px solid var(--st-border-color, #8884); }
.fs-frame .cm-editor .cm-activeLine:not(.fs-jump):not(.fs-evidence), .fs-frame .cm-editor .cm-activeLineGutter { background: transparent; }
.cm-line.fs-evidence { background: var(--fs-evidence); }
.cm-line.fs-jump { background: var(--fs-jump); }
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
