// llama.cpp behind OpenAI's chat completions, as far as the smoke test needs them: one request after the other.
//   node server.mjs <model.gguf>     prints the port that it listens on
import http from "node:http";
import { getLlama, LlamaChatSession } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", maxThreads: 2 });
const model = await llama.loadModel({ modelPath: process.argv[2] });
let queue = Promise.resolve();

async function answer(asked) {
  const [system, user] = asked.messages.map((message) => message.content);
  const context = await model.createContext({ contextSize: 4096 });
  try {
    const sequence = context.getSequence();
    const session = new LlamaChatSession({ contextSequence: sequence, systemPrompt: system });
    const schema = asked.response_format?.json_schema?.schema;
    const grammar = schema && (await llama.createGrammarForJsonSchema(schema));
    const found = await session.promptWithMeta(user, {
      grammar, maxTokens: asked.max_tokens, temperature: 0.2, seed: 7, repeatPenalty: { penalty: 1.2 },
    });
    const used = sequence.tokenMeter.getState();
    return {
      object: "chat.completion",
      model: asked.model,
      choices: [{
        index: 0,
        message: { role: "assistant", content: found.responseText },
        finish_reason: found.stopReason === "maxTokens" ? "length" : "stop",
      }],
      usage: { prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens },
    };
  } finally {
    await context.dispose();
  }
}

const server = http.createServer(async (request, response) => {
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
  queue = queue.then(() => answer(body)).then(
    (found) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(found)),
    (error) => response.writeHead(500).end(JSON.stringify({ error: { message: String(error) } })),
  );
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
