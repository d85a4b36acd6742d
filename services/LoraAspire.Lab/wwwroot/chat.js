// The chat (ChatPages/): conversations and drafts live in this browser; a text is written and kept here.
const CHAT = "lora.chat.", DRAFT = "lora.chat-draft.";
// Letters. Browsers give a site five million; the rest is for others of this site.
const MOST = 4 << 20;

const ids = () => Object.keys(localStorage).filter(key => key.startsWith(CHAT)).map(key => key.slice(CHAT.length));
const text = value => typeof value === "string" ? value.slice(0, 200) : null;

export function list() {
  return ids().map(id => {
    try {
      const chat = JSON.parse(localStorage[CHAT + id]);
      return { id, title: text(chat?.title), changed: text(chat?.changed) };
    } catch {
      return { id, title: null, changed: null };
    }
  });
}

export function used() {
  return { isKept: true, used: ids().reduce((sum, id) => sum + localStorage[CHAT + id].length, 0), most: MOST };
}

export function has(id) {
  return !!localStorage[CHAT + id];
}

// As bytes, which come in pieces however many they are.
export function read(id) {
  return new TextEncoder().encode(localStorage[CHAT + id]);
}

export function write(id, json) {
  const before = localStorage[CHAT + id] ?? "", { used: all } = used();
  if (all - before.length + json.length > MOST) return { isKept: false, used: all, most: MOST };
  try {
    localStorage[CHAT + id] = json;
  } catch {
    return { isKept: false, used: all, most: MOST };
  }
  return used();
}

export function remove(id) {
  delete localStorage[CHAT + id];
  for (const key of Object.keys(localStorage)) if (key === DRAFT + id || key.startsWith(`${DRAFT}${id}.`)) delete localStorage[key];
}

export function save(name, json) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function toEnd(element) {
  if (element) element.scrollTop = element.scrollHeight;
}

// Where one writes: Enter sends, but not the Enter that ends a word of an input method; Esc stops.
export function compose(host, page, longest) {
  const field = host.querySelector("textarea"), isEdit = host.closest(".turn") !== null;
  let draft = "", sending = false;
  const keep = () => {
    try {
      if (field.value) localStorage[DRAFT + draft] = field.value; else delete localStorage[DRAFT + draft];
    } catch {
      // There is no room for it: it is still in the field.
    }
  };
  const send = async () => {
    const said = field.value, from = draft;
    if (sending || !said.trim()) return;
    if (said.length > longest) return page.invokeMethodAsync("TooLong");
    sending = true;
    try {
      if (await page.invokeMethodAsync("SendAsync", said)) {
        if (field.value === said) field.value = "";
        try {
          delete localStorage[DRAFT + from];
        } catch {
          // This browser keeps nothing of the site, so there is no draft.
        }
      }
    } finally {
      sending = false;
      field.focus();
    }
  };
  field.addEventListener("input", keep);
  host.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target === field && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      send();
    }
  });
  (isEdit ? host : document.querySelector(".chat")).addEventListener("keydown", event => {
    if (event.key !== "Escape" || event.isComposing || !field.isConnected) return;
    // In the list of conversations Esc is its fields', or closes it; it stops no answer.
    if (event.target.closest(".chats") && (event.target.matches("input") || document.querySelector(".talk-log[aria-busy=true]"))) return;
    event.stopPropagation();
    page.invokeMethodAsync("EscapeAsync").catch(() => {});
  });
  host.addEventListener("click", event => { if (event.target.closest("[data-send]")) send(); });
  return {
    use(key, text) {
      draft = key;
      try {
        field.value = localStorage[DRAFT + key] ?? text;
      } catch {
        field.value = text;
      }
      if (!field.disabled) return;
      field.disabled = false;
      // A keyboard on a screen would cover what is to be read.
      if (isEdit || matchMedia("(hover: hover)").matches) field.focus();
    },
  };
}
