/** Rows by the names that guards, wants and decisions have for them: the parts of a key joined. */

/** A batch as the store's guards and wants name it. */
export const batchKey = (terminalId: string, batch: number) => `${terminalId}|${batch}`;
/** A transaction by its place: the batch as a number, the trace as six digits. */
export const traceKey = (terminalId: string, batch: number, trace: string) =>
  `${terminalId}|${batch}|${trace}`;
/** A transaction by its authorisation code at one merchant. */
export const authKey = (merchantId: string, auth: string) => `${merchantId}|${auth}`;
