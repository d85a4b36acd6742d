// The editor on New run (SubmitPages/YamlEditor.razor): Monaco, its marks and completions from the server, its text kept in this tab.
const KEPT = "lora.new-run";
// Of JSON, below what the page's connection takes in one message.
const LARGEST = 900_000;
let loading = null, tabLeads = false;

function load(root) {
  const path = new URL(root, document.baseURI).pathname;
  return loading ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = `${path}/loader.js`;
    script.onerror = () => { loading = null; fail(new Error("the editor can't be loaded")); };
    script.onload = () => {
      window.require.config({ paths: { vs: path } });
      window.require(["vs/editor/editor.main"], () => done(window.monaco), fail);
    };
    document.head.append(script);
  });
}

function paint(monaco) {
  const style = getComputedStyle(document.querySelector(".page")), colour = what => hex(style.getPropertyValue(`--mud-palette-${what}`));
  const dark = luminance(colour("surface")) < .5;
  monaco.editor.defineTheme("lora", {
    base: dark ? "vs-dark" : "vs", inherit: true, rules: [],
    colors: { "editor.background": colour("surface"), "editorLineNumber.foreground": colour("text-secondary") },
  });
  monaco.editor.setTheme("lora");
}

/** As Monaco takes colours: #rrggbb. */
function hex(colour) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = colour.trim() || "#ffffff";
  canvas.fillRect(0, 0, 1, 1);
  return "#" + [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part.toString(16).padStart(2, "0")).join("");
}

const luminance = colour => [1, 3, 5].reduce((sum, at) => sum + parseInt(colour.slice(at, at + 2), 16), 0) / 765;

/** Null where it is more than the connection takes: sending it would close the page. */
const sent = text => text.length <= LARGEST / 6 || new TextEncoder().encode(JSON.stringify(text)).length <= LARGEST ? text : null;

export async function edit(host, root, page, label) {
  const monaco = await load(root);
  paint(monaco);
  const editor = monaco.editor.create(host, {
    value: sessionStorage.getItem(KEPT) ?? "", language: "yaml", automaticLayout: true, minimap: { enabled: false }, ariaLabel: label,
    fontSize: 13, fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), tabSize: 2, insertSpaces: true,
    wordBasedSuggestions: false, quickSuggestions: { other: true, comments: false, strings: true }, scrollBeyondLastLine: false,
    renderLineHighlight: "line", fixedOverflowWidgets: true, padding: { top: 10, bottom: 10 }, links: false, unicodeHighlight: { ambiguousCharacters: false },
  });
  // The tab key leads on, as everywhere on the page; Ctrl+M makes it indent.
  // That is a switch for all editors that come, so once is enough.
  if (!tabLeads) editor.trigger("page", "editor.action.toggleTabFocusMode");
  tabLeads = true;
  // Monaco's announcers call themselves parts of the page to go to, which they are not.
  for (const announcer of document.querySelectorAll(".monaco-status[role=complementary]")) announcer.setAttribute("role", "status");
  let timer = null;
  const tell = () => { timer = null; page.invokeMethodAsync("TextAsync", sent(editor.getValue())).catch(() => {}); };
  editor.onDidChangeModelContent(() => {
    if (sent(editor.getValue()) !== null) sessionStorage.setItem(KEPT, editor.getValue());
    clearTimeout(timer);
    timer = setTimeout(tell, 400);
  });
  const completion = monaco.languages.registerCompletionItemProvider("yaml", {
    triggerCharacters: [" ", ":", ".", "{", ","],
    provideCompletionItems: async (model, position) => {
      const before = model.getLineContent(position.lineNumber).slice(0, position.column - 1);
      const start = before.length - /[^\s{,[]*$/.exec(before)[0].length + 1;
      const range = { startLineNumber: position.lineNumber, endLineNumber: position.lineNumber, startColumn: start, endColumn: position.column };
      if (sent(model.getValue()) === null) return { suggestions: [] };
      const found = await page.invokeMethodAsync("Complete", model.getValue(), position.lineNumber, position.column).catch(() => []);
      return { suggestions: found.map((one, at) => ({ label: one.label, insertText: one.insert, detail: one.detail, range,
        kind: monaco.languages.CompletionItemKind.Property, sortText: String(at).padStart(4, "0") })) };
    },
  });
  const watch = new MutationObserver(() => setTimeout(() => paint(monaco), 400));
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  setTimeout(() => paint(monaco), 1500);

  return {
    text: () => sent(editor.getValue()),
    write(text) {
      if (text === editor.getValue()) return;
      editor.pushUndoStop();
      const place = editor.getPosition();
      editor.executeEdits("page", [{ range: editor.getModel().getFullModelRange(), text }]);
      editor.setPosition(place);
      editor.pushUndoStop();
    },
    mark(marks) {
      monaco.editor.setModelMarkers(editor.getModel(), "pipeline", marks.map(one => {
        const line = Math.min(Math.max(one.line, 1), editor.getModel().getLineCount());
        const word = editor.getModel().getWordAtPosition({ lineNumber: line, column: Math.max(one.column, 1) });
        return { startLineNumber: line, endLineNumber: line, startColumn: one.column, endColumn: Math.max(word?.endColumn ?? 0, one.column + 1),
          message: one.message, severity: one.isError ? monaco.MarkerSeverity.Error : monaco.MarkerSeverity.Info };
      }));
    },
    go(line, column) {
      editor.setPosition({ lineNumber: line, column });
      editor.revealLineInCenterIfOutsideViewport(line);
      editor.focus();
    },
    close() {
      clearTimeout(timer);
      watch.disconnect();
      completion.dispose();
      editor.getModel()?.dispose();
      editor.dispose();
    },
  };
}
