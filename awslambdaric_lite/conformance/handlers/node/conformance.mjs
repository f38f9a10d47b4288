// Handler of the conformance cases, in JavaScript.
import { setTimeout as sleep } from "node:timers/promises";

const init = process.env.CONFORMANCE_INIT ?? "";
let invocations = 0;

class ConformanceError extends Error {
  name = "ConformanceError";
}

class BehaviourMissing extends Error {
  name = "BehaviourMissing";
}

const behaviours = {
  echo: (event) => event.value,
  count: () => invocations,
  size: (event) => "x".repeat(event.bytes - 2),
  raise: (event) => {
    throw new ConformanceError(event.message);
  },
  exit: (event) => process.exit(event.code),
  print: (event) => event.lines.forEach((line) => process.stdout.write(line + "\n")) ?? null,
  context: (event, context) => ({
    requestId: context.awsRequestId,
    functionArn: context.invokedFunctionArn,
    remainingMs: context.getRemainingTimeInMillis(),
    clientContext: context.clientContext?.custom ?? null,
    identityId: context.identity?.cognitoIdentityId ?? null,
    tenantId: context.tenantId ?? null,
  }),
  trace: (event, context) => process.env._X_AMZN_TRACE_ID ?? context.xRayTraceId ?? null,
  unserializable: () => 1n,
};

async function buffered(event, context) {
  invocations += 1;
  const behaviour = init === "" ? behaviours[event.behaviour] : undefined;
  if (behaviour === undefined) throw new BehaviourMissing(init || event.behaviour);
  await sleep(event.sleep_ms ?? 0);
  return behaviour(event, context);
}

async function streaming(event, stream) {
  for (const part of event.parts) {
    stream.write(part);
    await sleep(event.pause_ms ?? 0);
  }
  if (event.error !== undefined) throw new ConformanceError(event.error);
  stream.end();
}

if (init === "raise") throw new ConformanceError("failed in init");

export const handler = init === "stream" ? awslambda.streamifyResponse(streaming) : buffered;
