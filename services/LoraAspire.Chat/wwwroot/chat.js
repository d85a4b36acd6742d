// One pane is one conversation with one model. Two panes are asked the same question at the same time.
const byId = id => document.getElementById(id);
const settingIds = ["temperature", "top_p", "max_tokens"];
let models = [];
let panes = [];
let asking = null;

class Pane {
  constructor(modelId) {
    this.element = byId("pane").content.firstElementChild.cloneNode(true);
    this.select = this.element.querySelector("select");
    this.list = this.element.querySelector(".messages");
    this.select.append(...models.map(id => new Option(id, id)));
    this.select.value = modelId ?? models[0] ?? "";
    this.select.addEventListener("change", () => this.clear());
    this.clear();
    byId("panes").append(this.element);
  }

  clear() {
    this.history = [];
    this.list.replaceChildren(line("empty", models.length ? "Ask the model anything." : "No model yet. Run a pipeline with a chat stage, or put a model folder under models/."));
  }

  async ask(question, signal) {
    this.list.querySelector(".empty")?.remove();
    this.history.push({ role: "user", content: question });
    this.show(line("message user", question));
    const reply = this.show(line("message assistant waiting", ""));
    const started = performance.now();
    let usage = null;
    try {
      for await (const chunk of stream({ model: this.select.value, messages: this.history, ...settings() }, signal)) {
        reply.textContent += chunk.choices[0]?.delta?.content ?? "";
        usage = chunk.usage ?? usage;
        this.follow();
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        this.show(line("error", error.message));
      }
    }
    reply.classList.remove("waiting");
    if (reply.textContent) {
      this.history.push({ role: "assistant", content: reply.textContent });
    } else {
      this.history.pop(); // an unanswered question would stand before the next one
    }
    if (usage) {
      const seconds = (performance.now() - started) / 1000;
      this.show(line("note", `${usage.completion_tokens} tokens · ${(usage.completion_tokens / seconds).toFixed(0)} per second`));
    }
  }

  show(element) {
    this.list.append(element);
    this.follow();
    return element;
  }

  follow() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}

function line(className, text) {
  const element = document.createElement("div");
  element.className = className;
  element.textContent = text;
  return element;
}

function settings() {
  return Object.fromEntries(settingIds.map(id => [id, Number(byId(id).value)]));
}

async function* stream(request, signal) {
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok) {
    throw new Error((await response.json().catch(() => null))?.error?.message ?? `The service answered ${response.status}.`);
  }
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split("\n\n");
    rest = events.pop();
    for (const data of events.map(event => event.replace(/^data: /, "")).filter(data => data !== "[DONE]")) {
      const chunk = JSON.parse(data);
      if (chunk.error) {
        throw new Error(chunk.error.message);
      }
      yield chunk;
    }
  }
}

async function send() {
  const question = byId("question").value.trim();
  if (!question || asking || !models.length) {
    return;
  }
  byId("question").value = "";
  asking = new AbortController();
  show(true);
  await Promise.all(panes.map(pane => pane.ask(question, asking.signal)));
  asking = null;
  show(false);
  byId("question").focus();
}

function show(busy) {
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
}

function layOut() {
  asking?.abort();
  byId("panes").replaceChildren();
  // The newest model that a run deployed stands first, folders last; a link may name who is to talk.
  panes = [new Pane(named("model") ?? models[0])];
  if (byId("compare").checked) {
    panes.unshift(new Pane(named("beside") ?? models[models.length - 1]));
    byId("panes").prepend(panes[0].element);
  }
}

function named(role) {
  const id = new URLSearchParams(location.search).get(role);
  return models.includes(id) ? id : null;
}

async function linkLab() {
  const { lab } = await (await fetch("links")).json();
  if (lab) {
    byId("lab").href = lab;
    byId("lab").hidden = false;
  }
}

function bindSettings() {
  for (const id of settingIds) {
    const input = byId(id);
    input.value = localStorage.getItem(id) ?? input.value;
    const output = document.querySelector(`output[for=${id}]`);
    const update = () => {
      localStorage.setItem(id, input.value);
      if (output) {
        output.textContent = input.value;
      }
    };
    input.addEventListener("input", update);
    update();
  }
}

byId("ask").addEventListener("submit", event => { event.preventDefault(); send(); });
byId("stop").addEventListener("click", () => asking?.abort());
byId("new").addEventListener("click", () => { asking?.abort(); panes.forEach(pane => pane.clear()); });
byId("compare").addEventListener("change", layOut);
byId("question").addEventListener("keydown", event => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
bindSettings();
models = (await (await fetch("v1/models")).json()).data.map(model => model.id);
byId("compare").checked = named("beside") !== null;
layOut();
await linkLab();
