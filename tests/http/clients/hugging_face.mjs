// Runs @huggingface/inference against a finsent service that has the model `mini`: hugging_face.mjs BASE_URL
import { isDeepStrictEqual } from "node:util";
import { InferenceClient } from "@huggingface/inference";

const base = process.argv[2].replace(/\/+$/, "");
const texts = {
  positive: "Quarterly revenue rose 20% and beat estimates.",
  negative: "Shares plunged 12% after the profit warning.",
  neutral: "Löhne steigen um 3 % – 利益が増加 📈",
};

function equal(what, found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    console.error(`WRONG: ${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
    process.exit(1);
  }
}

/** Checks that the client fails with this error. */
async function refused(what, answer, status, words) {
  const error = await answer.then(() => undefined, (error) => error);
  equal(`${what}: status`, error?.httpResponse?.status, status);
  equal(`${what}: "${words}" in ${error.httpResponse.body.error}`, error.httpResponse.body.error.includes(words), true);
}

for (const endpointUrl of [base, `${base}/models/mini`]) {
  const client = new InferenceClient("any", { endpointUrl });
  for (const [label, inputs] of Object.entries(texts)) {
    const what = `${endpointUrl} on "${inputs}"`;
    const scores = await client.textClassification({ inputs });
    equal(`${what}: best label`, scores[0].label, label);
    equal(`${what}: labels`, scores.map((score) => score.label).sort(), ["negative", "neutral", "positive"]);
    equal(`${what}: order`, scores, [...scores].sort((one, other) => other.score - one.score));
    const sum = scores.reduce((sum, { score }) => sum + score, 0);
    equal(`${what}: sum ${sum} is 1`, Math.abs(sum - 1) < 1e-5, true);
    const best = await client.textClassification({ inputs, parameters: { top_k: 1 } });
    equal(`${what}: the best one`, best, scores.slice(0, 1));
    const softmax = await client.textClassification({ inputs, parameters: { function_to_apply: "softmax" } });
    equal(`${what}: softmax is the default`, softmax, scores);
    // The client returns the labels of the first text only.
    const first = await client.textClassification({ inputs: [inputs, "Other words."] });
    equal(`${what}: the first of two texts`, first, scores);
  }
  await refused(`${endpointUrl}: an empty text`, client.textClassification({ inputs: "" }), 422, "empty");
}
const unknown = new InferenceClient("any").endpoint(`${base}/models/minj`);
await refused("an unknown model", unknown.textClassification({ inputs: "a" }), 404, "did you mean `mini`?");
console.log("@huggingface/inference: all is well");
