import { createRequire } from 'node:module';
import { temporal } from '@temporalio/proto';

/** A workflow's history as Temporal's API has it. */
export type History = temporal.api.history.v1.IHistory;

/** The part of protobufjs 8's `ext/protojson` that is used here. */
interface ProtoJson {
  fromJson(type: unknown, json: unknown, options: { readonly ignoreUnknownFields: boolean }): History;
  toJson(type: unknown, message: History): unknown;
}

/*
 * The SDK has the same in @temporalio/common/lib/proto-utils, which throws "type must be a Type" where npm has given
 * @temporalio/common and @temporalio/proto a protobufjs each: a type is only known to the copy that made it.
 */
const ofProto = createRequire(require.resolve('@temporalio/proto'));
const protoJson = ofProto('protobufjs/ext/protojson') as ProtoJson;
const root = ofProto('@temporalio/proto') as { lookupType(name: string): unknown };
const type = root.lookupType('temporal.api.history.v1.History');

/**
 * Reads a history from its protobuf JSON; fields of newer servers are passed over.
 * @throws Error saying what is not as it should be.
 */
export function parseHistory(text: string): History {
  return protoJson.fromJson(type, JSON.parse(text), { ignoreUnknownFields: true });
}

/** A history as protobuf JSON, which Temporal's own tools read, too. */
export function printHistory(history: History): string {
  const message = temporal.api.history.v1.History.fromObject(history);
  return `${JSON.stringify(protoJson.toJson(type, message), null, 2)}\n`;
}
