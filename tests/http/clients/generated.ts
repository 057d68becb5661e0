// Uses the client that @hey-api/openapi-ts makes from the OpenAPI document of a finsent service with the model `mini`:
// generated.js BASE_URL. The types must fit as well.
import { isDeepStrictEqual } from "node:util";
import { health, listModels, scoreTexts } from "./client";
import { client } from "./client/client.gen";

function equal(what: string, found: unknown, expected: unknown) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  }
}

async function main() {
  client.setConfig({ baseUrl: process.argv[2] });
  const inputs = ["Quarterly revenue rose 20% and beat estimates.", { id: 7, text: "Shares plunged 12%." }, ""];
  const { data } = await scoreTexts({ body: { inputs } });
  const labels = data?.results.map((result) => result.label ?? result.error);
  equal("labels", labels, ["positive", "negative", "the text is empty"]);
  equal("id", data?.results[1].id, 7);
  const best: number | undefined = data?.results[0].scores?.["positive"];
  equal("score", best, data?.results[0].score);

  const document = await scoreTexts({ body: { inputs: inputs[0] as string, granularity: "document" } });
  equal("sentences", document.data?.results[0].sentences?.length, 1);
  const refused = await scoreTexts({ body: { inputs: "" } });
  equal("problem", [refused.response?.status, refused.error?.detail], [422, "the text is empty"]);
  equal("health", (await health()).data?.status, "ready");
  equal("model", (await listModels()).data?.models[0].name, "mini");
  console.log("the generated client works");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
