import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { temporal } from '@temporalio/proto';
import type { Settings } from '../domain/settings';
import type { Description } from './description';
import { ComponentFailed } from './process';

const { IndexedValueType } = temporal.api.enums.v1;
const types = {
  Text: IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
  Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Int: IndexedValueType.INDEXED_VALUE_TYPE_INT,
  Double: IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
  Bool: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
  Datetime: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
  KeywordList: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
} as const;

/**
 * Makes the search attributes known to a Temporal that is not ours, where they are not.
 * @throws ComponentFailed when it does not answer, has no such namespace or does not let us.
 */
export async function registerSearchAttributes(
  { address, namespace }: Settings['temporal'],
  attributes: Description['temporal']['searchAttributes'],
): Promise<void> {
  const options = { ...loadClientConnectConfig().connectionOptions, address, connectTimeout: '5s' } as const;
  const connection = await Connection.connect(options).catch((error: Error) => {
    throw new ComponentFailed(`Temporal at ${address} (TEMPORAL_ADDRESS) does not answer: ${error.message}`);
  });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(attributes).filter(([name]) => !Object.hasOwn(customAttributes, name));
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, types[type]])),
    });
  } catch (error) {
    throw new ComponentFailed(
      `Temporal at ${address}: the search attributes of namespace ${namespace} cannot be set up: ` +
        `${(error as Error).message}; let its administrator make the namespace and the search attributes of temporal-dev.yaml`,
    );
  } finally {
    await connection.close();
  }
}
