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

const isDone = answer => (answer.took != null || !!answer.finish) && !answer.trouble;

// What another window wrote of an answer that this one has only a part of, or no luck with, is the better one.
function better(mine, there) {
  return !isDone(mine) && there.text && there.text.length >= (mine.text ?? "").length ? there : mine;
}

function mergeAnswers(mine, there) {
  (there.answers ?? []).forEach((set, column) => {
    mine.answers[column] ??= { variants: [], chosen: 0 };
    const variants = mine.answers[column].variants;
    set.variants.forEach((answer, place) => {
      const id = answer.id ?? `${place}`, at = variants.findIndex(one => one.id === id);
      if (at < 0) variants.push({ ...answer, id }); else variants[at] = better(variants[at], answer);
    });
  });
}

// Turns and answers only ever come to a conversation: those that stand there, and that what is written doesn't know, another window added.
// They go behind, so that the places that this window has stay as they are.
function merge(json, before) {
  let there;
  try {
    there = JSON.parse(before);
    if (!there.turns.length) return json;
    const mine = JSON.parse(json), places = [];
    there.turns.forEach((turn, index) => {
      if (turn.parent !== null && !(turn.parent < index)) throw new RangeError("A turn after one that isn't there.");
      const id = turn.id ?? `${index}`, at = mine.turns.findIndex(one => one.id === id);
      if (at >= 0) mergeAnswers(mine.turns[at], turn);
      places.push(at >= 0 ? at : mine.turns.push({ ...turn, id, parent: turn.parent === null ? null : places[turn.parent] }) - 1);
    });
    mine.leaf ??= mine.turns.length - 1;
    return JSON.stringify(mine);
  } catch {
    return json; // what stands there is no conversation
  }
}

// `begins`: this window hasn't seen it stand there. What it has seen, and what is no longer there, was deleted in another.
export function write(id, json, largest, begins) {
  const before = localStorage[CHAT + id] ?? "", { used: all } = used();
  if (!before && !begins) return { isKept: false, isGone: true, used: all, most: MOST };
  const whole = before ? merge(json, before) : json;
  if (new TextEncoder().encode(whole).length > largest) return { isKept: false, isTooLong: true, used: all, most: MOST };
  if (all - before.length + whole.length > MOST) return { isKept: false, used: all, most: MOST };
  try {
    localStorage[CHAT + id] = whole;
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
