// What every script does with its checks: run them in order and print a line of JSON for each.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const MODEL = "moonshotai/kimi-k2.6";
export const BASE_URL = process.env.PYLO_BASE_URL; // ends with /v1
export const API_KEY = process.env.PYLO_API_KEY;
export const WRONG_KEY = "pylo_sk_wrong";
export const HAIKU = "Write a haiku about routing tables.";
export const WEATHER = "How is the weather? Ask in three rounds."; // the sandbox calls again after each result
export const ROUNDS = 3;
export const REASONING = process.env.PYLO_UPSTREAM !== "openai"; // that one never shows what it thinks
export const ANSWERED = /^The tool has answered/; // how the sandbox begins its words after a tool's last result

/** Returns what the sandbox wrote for HAIKU: three lines. */
export function poem(text) {
  assert.equal(text.split("\n").length, 3, `no haiku: ${text}`);
  return text.replaceAll("\n", " / ");
}

/** Asserts that there is reasoning, or none where the upstream shows none. */
export function thought(text) {
  assert.equal(Boolean(text), REASONING, `reasoning: ${text}`);
}

/** Returns the error of exactly this kind that `call` rejects with. */
export async function raised(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    assert.equal(error.constructor.name, kind.name, `${error.constructor.name} is not ${kind.name}: ${error.message}`);
    return error;
  }
  throw new assert.AssertionError({ message: `no ${kind.name}, but ${JSON.stringify(answer)}` });
}

/** Runs the checks; what one returns is its detail. Ends the script, with 1 if one failed. */
export async function run(name, checks) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url);
  tell({ version: JSON.parse(readFileSync(manifest, "utf8")).version });
  let failed = false;
  for (const [check, call] of Object.entries(checks)) {
    try {
      tell({ check, ok: true, detail: (await call()) ?? "" });
    } catch (error) {
      failed = true;
      console.error(error);
      tell({ check, ok: false, detail: `${error.name}: ${error.message}` });
    }
  }
  process.exit(failed ? 1 : 0);
}

function tell(line) {
  console.log(JSON.stringify(line));
}
