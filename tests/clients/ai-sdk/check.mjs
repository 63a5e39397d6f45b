// The AI SDK with its provider for OpenAI-compatible endpoints: the strictest reader of streams among the clients.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { ANSWERED, API_KEY, BASE_URL, HAIKU, MODEL, ROUNDS, WEATHER, WRONG_KEY } from "./checking.mjs";
import { poem, raised, run, thought } from "./checking.mjs";

const provider = (apiKey) =>
  createOpenAICompatible({ name: "pylo", baseURL: BASE_URL, apiKey, includeUsage: true, supportsStructuredOutputs: true });
const pylo = provider(API_KEY);
const model = pylo(MODEL);
const schema = z.object({ title: z.string(), lines: z.array(z.string()) });

async function create() {
  const answer = await generateText({ model, prompt: HAIKU });
  assert.equal(answer.finishReason, "stop");
  thought(answer.reasoningText);
  assert.ok(answer.usage.totalTokens === answer.usage.inputTokens + answer.usage.outputTokens);
  return poem(answer.text);
}

async function stream() {
  const errors = [];
  const answer = streamText({ model, prompt: HAIKU, onError: ({ error }) => errors.push(error) });
  let said = "";
  for await (const delta of answer.textStream) said += delta;
  assert.deepEqual(errors, []);
  assert.equal(await answer.finishReason, "stop");
  thought(await answer.reasoningText);
  assert.ok((await answer.usage).outputTokens > 0);
  return poem(said);
}

function weather(cities) {
  return tool({
    description: "Tell the weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `Fine, ${cities.push(city)}.`,
  });
}

async function tools() {
  const cities = [];
  const answer = await generateText({
    model,
    prompt: WEATHER,
    tools: { get_weather: weather(cities) },
    stopWhen: stepCountIs(ROUNDS + 2),
  });
  return rounds(answer.text, answer.steps, cities);
}

async function tools_streamed() {
  const cities = [];
  const answer = streamText({
    model,
    prompt: WEATHER,
    tools: { get_weather: weather(cities) },
    stopWhen: stepCountIs(ROUNDS + 2),
  });
  await answer.consumeStream();
  return rounds(await answer.text, await answer.steps, cities);
}

function rounds(text, steps, cities) {
  assert.match(text, ANSWERED);
  assert.deepEqual(cities, Array(ROUNDS).fill("sandbox"));
  assert.deepEqual(
    steps.map((step) => step.finishReason),
    [...Array(ROUNDS).fill("tool-calls"), "stop"],
  );
  steps.forEach((step) => thought(step.reasoningText));
  assert.equal(new Set(steps.flatMap((step) => step.toolCalls.map((call) => call.toolCallId))).size, ROUNDS);
  return `${cities.length} rounds`;
}

async function tool_demanded() {
  const answer = await generateText({
    model,
    prompt: HAIKU,
    tools: { get_weather: weather([]) },
    toolChoice: { type: "tool", toolName: "get_weather" },
  });
  return answer.toolCalls[0].toolCallId;
}

async function structured() {
  const wanted = { title: "sandbox", lines: ["sandbox"] };
  assert.deepEqual((await generateObject({ model, schema, prompt: HAIKU })).object, wanted);
  assert.deepEqual((await generateText({ model, output: Output.object({ schema }), prompt: HAIKU })).output, wanted);
  return "an object";
}

async function structured_streamed() {
  const answer = streamObject({ model, schema, prompt: HAIKU });
  let parts = 0;
  for await (const _ of answer.partialObjectStream) parts++;
  assert.deepEqual(await answer.object, { title: "sandbox", lines: ["sandbox"] });
  return `${parts} parts`;
}

async function refused(values, status, code) {
  const error = await raised(APICallError, () => generateText({ model, prompt: HAIKU, ...values }));
  assert.deepEqual([error.statusCode, error.data.error.code, error.isRetryable], [status, code, false]);
  assert.match(error.responseHeaders["x-request-id"], /^req_/);
  return error.message;
}

const bad_key = () => refused({ model: provider(WRONG_KEY)(MODEL) }, 401, "invalid_api_key");
const unknown_model = () => refused({ model: pylo("gpt-nobody") }, 404, "model_not_found");
const bad_parameter = () => refused({ temperature: 2.5 }, 400, "decimal_above_max_value");

async function request_ids() {
  const answer = await generateText({ model, prompt: HAIKU });
  assert.match(answer.response.headers["x-request-id"], /^req_/);
  return answer.response.headers["x-request-id"];
}

await run("ai", {
  create,
  stream,
  tools,
  tools_streamed,
  tool_demanded,
  structured,
  structured_streamed,
  bad_key,
  unknown_model,
  bad_parameter,
  request_ids,
});
