// The chat service as a child process on a free port, with the base model of this repository.
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const model = "pebble";

const repository = resolve(import.meta.dirname, "../..");

export async function startService() {
  const program = process.env.LORA_CHAT_PROGRAM;
  if (!program) throw new Error("LORA_CHAT_PROGRAM names the chat service's program: start this by ./build.sh clients");
  const folder = mkdtempSync(join(tmpdir(), "lora-clients-"));
  mkdirSync(join(folder, "models"));
  symlinkSync(join(repository, "models", model), join(folder, "models", model));
  const { ConnectionStrings__redis, LORA_API_KEY_FILE, ...env } = process.env;
  const child = spawn(program, [], {
    env: {
      ...env, ASPNETCORE_URLS: "http://127.0.0.1:0", LORA_MODELS: join(folder, "models"), LORA_STORE: join(folder, "store"), LORA_DATA: folder,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((found, failed) => {
    let said = "";
    child.stdout.on("data", text => {
      said += text;
      const listening = /Now listening on: (http:\/\/\S+)/.exec(said);
      if (listening) found(listening[1]);
    });
    child.on("exit", code => failed(new Error(`The chat service ended with ${code}:\n${said}`)));
  });
  return {
    url,
    stop: () => new Promise(done => {
      child.removeAllListeners("exit");
      child.on("exit", () => {
        rmSync(folder, { recursive: true });
        done();
      });
      child.kill();
    }),
  };
}
