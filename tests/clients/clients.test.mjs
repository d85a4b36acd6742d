import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { embed, generateText, streamText } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { model, startService } from "./service.mjs";

let service, baseURL;

before(async () => {
  service = await startService();
  baseURL = `${service.url}/v1`;
});

after(() => service?.stop());

const messages = [{ role: "user", content: "Tell a story." }];
const greedy = { model, messages, temperature: 0, max_tokens: 5 };

describe("openai", () => {
  const client = () => new OpenAI({ baseURL, apiKey: "unused" });

  test("A streamed chat is the whole one in pieces", async () => {
    const whole = await client().chat.completions.create(greedy);
    let text = "", usage = null;
    for await (const chunk of await client().chat.completions.create({ ...greedy, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.notEqual(text, "");
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(usage, whole.usage);
    assert.equal(whole.choices[0].finish_reason, "length");
  });

  test("A response's text and its stream's deltas are the same", async () => {
    const request = { model, input: "Tell a story.", temperature: 0, max_output_tokens: 5 };
    const whole = await client().responses.create(request);
    const stream = client().responses.stream(request);
    let text = "";
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.notEqual(text, "");
    assert.equal(whole.output_text, text);
    assert.equal((await stream.finalResponse()).output_text, text);
    assert.equal(whole.status, "incomplete");
  });

  test("Embeddings come as base64, which this client asks for, and as numbers", async () => {
    const usual = await client().embeddings.create({ model, input: ["a story", "another"] });
    const numbers = await client().embeddings.create({ model, input: "a story", encoding_format: "float" });
    assert.equal(usual.data.length, 2);
    assert.ok(usual.data[0].embedding.length > 8);
    usual.data[0].embedding.forEach((number, at) => assert.ok(Math.abs(number - numbers.data[0].embedding[at]) < 1e-5));
  });

  test("Models are listed, and an unknown one is its NotFoundError", async () => {
    const models = await client().models.list();
    assert.deepEqual(models.data.map(one => one.id), [model]);
    await assert.rejects(client().chat.completions.create({ ...greedy, model: "nobody" }),
      error => error instanceof OpenAI.NotFoundError && error.code === "model_not_found" && error.param === "model");
  });

  test("A wrong field is its BadRequestError with the field's name", async () => {
    await assert.rejects(client().chat.completions.create({ ...greedy, temperature: 9 }),
      error => error instanceof OpenAI.BadRequestError && error.param === "temperature");
  });

  test("A completion goes on with several prompts", async () => {
    const completion = await client().completions.create({ model, prompt: ["Once", "Twice"], temperature: 0, max_tokens: 3, echo: true });
    assert.deepEqual(completion.choices.map(choice => choice.index), [0, 1]);
    assert.ok(completion.choices[0].text.startsWith("Once"));
  });
});

describe("ai", () => {
  const provider = () => createOpenAICompatible({ name: "lora", baseURL, includeUsage: true });

  test("Text is generated and streamed alike", async () => {
    const whole = await generateText({ model: provider()(model), messages, temperature: 0, maxOutputTokens: 5 });
    const stream = streamText({ model: provider()(model), messages, temperature: 0, maxOutputTokens: 5 });
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    assert.notEqual(text, "");
    assert.equal(text, whole.text);
    assert.equal(whole.finishReason, "length");
    assert.equal((await stream.usage).outputTokens, 5);
  });

  test("A text is embedded", async () => {
    const { embedding } = await embed({ model: provider().embeddingModel(model), value: "a story" });
    assert.ok(embedding.length > 8);
  });
});

describe("@langchain/openai", () => {
  const chat = () => new ChatOpenAI({ model, temperature: 0, maxTokens: 5, apiKey: "unused", configuration: { baseURL } });

  test("A chat is invoked and streamed alike", async () => {
    const whole = await chat().invoke("Tell a story.");
    let text = "";
    for await (const piece of await chat().stream("Tell a story.")) text += piece.content;
    assert.notEqual(text, "");
    assert.equal(text, whole.content);
    assert.equal(whole.usage_metadata.output_tokens, 5);
  });

  test("Texts are embedded", async () => {
    const embeddings = new OpenAIEmbeddings({ model, apiKey: "unused", configuration: { baseURL } });
    const [one, two] = await embeddings.embedDocuments(["a story", "another"]);
    assert.equal(one.length, two.length);
  });
});

describe("ollama", () => {
  const client = () => new Ollama({ host: service.url });

  test("A chat is streamed and whole alike, and the model is listed and shown", async () => {
    const request = { model, messages, options: { temperature: 0, num_predict: 5 } };
    const whole = await client().chat(request);
    let text = "";
    for await (const part of await client().chat({ ...request, stream: true })) text += part.message.content;
    assert.notEqual(text, "");
    assert.equal(text, whole.message.content);
    assert.equal(whole.eval_count, 5);
    assert.equal((await client().list()).models[0].name, model);
    assert.ok((await client().show({ model })).capabilities.includes("completion"));
    await assert.rejects(client().chat({ ...request, model: "nobody" }), error => error.status_code === 404);
  });
});
