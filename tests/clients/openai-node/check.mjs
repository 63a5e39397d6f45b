// The official client for Node: every call of chat and models, in its own idiom. openai-node-7 runs them too.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { LengthFinishReasonError } from "openai/error";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { ANSWERED, API_KEY, BASE_URL, HAIKU, MODEL, ROUNDS, WEATHER, WRONG_KEY } from "./checking.mjs";
import { poem, raised, run, thought } from "./checking.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const messages = [{ role: "user", content: HAIKU }];
const Poem = z.object({ title: z.string(), lines: z.array(z.string()) });
const weather = zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }) });
const chat = (values) => client.chat.completions.create({ model: MODEL, messages, ...values });

async function create() {
  const answer = await chat();
  const [choice] = answer.choices;
  assert.deepEqual([answer.model, choice.finish_reason, choice.message.role], [MODEL, "stop", "assistant"]);
  thought(choice.message.reasoning_content);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  return poem(choice.message.content);
}

async function stream() {
  const chunks = [];
  for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.ok(last.usage.completion_tokens_details.reasoning_tokens > 0);
  assert.deepEqual(chunks.map((chunk) => chunk.choices[0].finish_reason).filter(Boolean), ["stop"]);
  return poem(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
}

async function stream_helper() {
  const events = client.chat.completions.stream({ model: MODEL, messages });
  let said = "";
  events.on("content", (delta) => (said += delta));
  assert.equal(await events.finalContent(), said);
  return poem(said);
}

const tools = () => loop({ keep: true });
const tools_without_reasoning = () => loop({ keep: false });

async function loop({ keep }) {
  const history = [{ role: "user", content: WEATHER }];
  for (let turn = 0; turn < ROUNDS; turn++) {
    const asked = { messages: history, tools: [weather] };
    const whole = turn % 2 === 0;
    const answer = whole
      ? await chat(asked)
      : await client.chat.completions.stream({ model: MODEL, ...asked }).finalChatCompletion();
    const [choice] = answer.choices;
    assert.equal(choice.finish_reason, "tool_calls");
    const [call] = choice.message.tool_calls;
    assert.deepEqual([call.type, call.function.name], ["function", "get_weather"]);
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "sandbox" });
    const { reasoning_content, ...bare } = choice.message;
    thought(reasoning_content);
    history.push(keep ? choice.message : bare, { role: "tool", tool_call_id: call.id, content: `Fine, ${turn}.` });
  }
  const [final] = (await chat({ messages: history, tools: [weather] })).choices;
  assert.equal(final.finish_reason, "stop");
  assert.match(final.message.content, ANSWERED);
  return `${(history.length - 1) / 2} rounds`;
}

async function tools_by_runner() {
  const cities = [];
  const tool = zodFunction({
    name: "get_weather",
    parameters: z.object({ city: z.string() }),
    function: ({ city }) => `Fine, ${cities.push(city)}.`,
  });
  const runner = client.chat.completions.runTools({
    model: MODEL,
    stream: true,
    messages: [{ role: "user", content: WEATHER }],
    tools: [tool],
  });
  assert.match(await runner.finalContent(), ANSWERED);
  assert.deepEqual(cities, Array(ROUNDS).fill("sandbox"));
  return `${cities.length} rounds`;
}

async function tool_demanded() {
  const [choice] = (await chat({ tools: [weather], tool_choice: "required" })).choices;
  assert.equal(choice.finish_reason, "tool_calls");
  return choice.message.tool_calls[0].id;
}

async function structured() {
  const response_format = zodResponseFormat(Poem, "poem");
  const answer = await client.chat.completions.parse({ model: MODEL, messages, response_format });
  assert.deepEqual(answer.choices[0].message.parsed, { title: "sandbox", lines: ["sandbox"] });
  return "a poem";
}

async function structured_cut() {
  const response_format = zodResponseFormat(Poem, "poem");
  const ask = () => client.chat.completions.parse({ model: MODEL, messages, response_format, max_completion_tokens: 2 });
  return (await raised(LengthFinishReasonError, ask)).message;
}

async function models() {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, [MODEL]);
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  return (await raised(OpenAI.NotFoundError, () => client.models.retrieve("nobody/nothing"))).code;
}

async function bad_key() {
  const stranger = new OpenAI({ baseURL: BASE_URL, apiKey: WRONG_KEY });
  const ask = () => stranger.chat.completions.create({ model: MODEL, messages });
  const error = await raised(OpenAI.AuthenticationError, ask);
  assert.deepEqual([error.status, error.code, error.param], [401, "invalid_api_key", null]);
  return error.message;
}

async function unknown_model() {
  const error = await raised(OpenAI.NotFoundError, () => chat({ model: "gpt-4o" }));
  assert.deepEqual([error.status, error.code], [404, "model_not_found"]);
  return error.message;
}

async function bad_parameter() {
  const error = await raised(OpenAI.BadRequestError, () => chat({ temperature: 2.5 }));
  assert.deepEqual([error.code, error.param], ["decimal_above_max_value", "temperature"]);
  return error.message;
}

async function other_endpoints() {
  const error = await raised(OpenAI.NotFoundError, () => client.responses.create({ model: MODEL, input: HAIKU }));
  assert.equal(error.code, "unknown_url");
  return error.message;
}

async function request_ids() {
  const answer = await chat();
  assert.match(answer._request_id, /^req_/);
  assert.match((await raised(OpenAI.NotFoundError, () => chat({ model: "gpt-4o" }))).requestID, /^req_/);
  const { request_id } = await chat({ stream: true }).withResponse();
  assert.match(request_id, /^req_/);
  return answer._request_id;
}

await run("openai", {
  create,
  stream,
  stream_helper,
  tools,
  tools_without_reasoning,
  tools_by_runner,
  tool_demanded,
  structured,
  structured_cut,
  models,
  bad_key,
  unknown_model,
  bad_parameter,
  other_endpoints,
  request_ids,
});
