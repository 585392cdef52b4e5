/**
 * Bugs that programs of this kind have had, planted to show that the checks see them. Each is a change of one
 * place of the product's source, made while the world is built (`bundle.ts`) and nowhere else; each must be
 * caught by the general checks within 2,000 seeds. Sources of the ideas: the fact sheet on anchors, section 8.
 */

export interface PlantedBug {
  readonly zh: string;
  readonly en: string;
  /** From the project's folder. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly find: string;
  /** What stands there instead. */
  readonly plant: string;
}

// biome-ignore format: a table is read by column
export const PLANTED_BUGS = {
  'answer before commit': {
    zh: '先应答后提交', en: 'the host answers before its commit is done',
    file: 'host/acquiring/engine.ts',
    find: '    let fates: readonly Fate[] | null = null;\n',
    plant: '    for (const { item, decision } of decided) this.#answer(item, decision, this.#lastHead);\n    let fates: readonly Fate[] | null = null;\n',
  },
  'unknown commit is a success': {
    zh: '提交结果未知当作成功', en: 'a commit whose outcome is unknown is answered as if it had been done',
    file: 'host/acquiring/engine.ts',
    find: 'return this.#fatesOfFailure(decided, error, fates);',
    plant: "if (error instanceof PosError && error.code === 'STORE_UNKNOWN') return landed(items.map(() => ({ committed: true, head: '0'.repeat(64), sequence: 1 })));\n      return this.#fatesOfFailure(decided, error, fates);",
  },
  'commits are not synced': {
    zh: '提交不落盘', en: "the host's database does not sync its commits",
    file: 'host/store/sqlite-settings.ts',
    find: 'PRAGMA synchronous = FULL;',
    plant: 'PRAGMA synchronous = OFF;',
  },
  'dedupe without batch': {
    zh: '去重键没有批次号', en: 'the identity of a request does not hold its batch number',
    file: 'host/acquiring/identity.ts',
    find: "String(batch).padStart(6, '0')",
    plant: "String(batch && 0).padStart(6, '0')",
  },
  'repeats are judged afresh': {
    zh: '重复请求重新处理', en: 'the same request again has a second effect',
    file: 'host/acquiring/judge.ts',
    find: 'if (answer !== null && j.kind !== undefined && REMEMBERED.includes(j.kind)) {',
    plant: "if (answer !== null && j.kind !== undefined && j.kind !== 'refund' && j.kind !== 'sale' && REMEMBERED.includes(j.kind)) {",
  },
  'late original accepted': {
    zh: '冲正先到不记录', en: 'a reversal of what never came is not remembered, and the late original is accepted',
    file: 'host/acquiring/flows/reversal.ts',
    find: '      burn(j, originalIdentity(j.request));\n',
    plant: '      void burn;\n',
  },
  'settlement counts reversed items': {
    zh: '结算计入已冲正', en: 'the settlement counts what was reversed',
    file: 'host/acquiring/effects/batch-totals.ts',
    find: "row.state === 'declined' || row.state === 'reversed' ? null : counts;",
    plant: "row.state === 'declined' ? null : counts;",
  },
  'reversals missing in the files': {
    zh: '结算文件漏冲正', en: 'the settlement files leave reversals out',
    file: 'host/clearing/movements.ts',
    find: '  if (merchantId === null) return null;\n',
    plant: "  if (merchantId === null || type === 'reversal') return null;\n",
  },
  'void leaves the sale': {
    zh: '撤销不标记原交易', en: 'a void gives the money back and leaves its sale approved',
    file: 'host/acquiring/effects/undo.ts',
    find: "void: 'voided', reversal: 'reversed' } as const;",
    plant: "void: 'approved', reversal: 'reversed' } as const;",
  },
  'sent before journal': {
    zh: '先发送后记日志', en: 'the terminal sends a request before its journal holds it',
    file: 'terminal/exchange/online.ts',
    find: "  await journal.append({ type: 'transaction sent',",
    plant: "  await deps.link.exchange(body, identityOf(request, state));\n  await journal.append({ type: 'transaction sent',",
  },
  'journal is not synced': {
    zh: '终端日志不落盘', en: "the terminal's journal is written and not synced",
    file: 'terminal/journal/file-disk.ts',
    find: '        await file.write(bytes);\n        await file.sync();\n        return size === 0;\n',
    plant: '        await file.write(bytes);\n        return size === 0;\n',
  },
  'trace not persisted': {
    zh: '流水号不保存', en: 'after a restart the terminal counts its traces from 1 again',
    file: 'terminal/journal/journal.ts',
    find: '    this.#segment = segment;\n    this.#sequence = segment === null ? sequence - 1 : sequence;\n',
    plant: "    this.#state = { ...this.#state, nextTrace: '000001' };\n    this.#segment = segment;\n    this.#sequence = segment === null ? sequence - 1 : sequence;\n",
  },
  'reversal forgotten at restart': {
    zh: '重启忘记冲正', en: 'what was in flight at a power cut is given up instead of reversed',
    file: 'terminal/exchange/online.ts',
    find: "  const move = moveWithoutAnswer(specOf(sent.kind).lostAnswer);\n",
    plant: "  const move = reason === REVERSAL_REASON.noAnswer ? ('giveUp' as const) : moveWithoutAnswer(specOf(sent.kind).lostAnswer);\n",
  },
  'reversal deleted after three tries': {
    zh: '冲正三次后删除', en: 'a reversal is taken for done when its tries are used up',
    file: 'terminal/flows/reversal.ts',
    find: "      move: 'exhaust',\n      to: stateAfter(one.state, 'exhaust'),\n",
    plant: "      move: 'reversed',\n      to: stateAfter(one.state, 'reversed'),\n",
  },
  'answer without a right MAC': {
    zh: '不验应答 MAC', en: 'the terminal believes answers whose MAC is wrong',
    file: 'terminal/exchange/answer.ts',
    find: "  if (!macIsRight) return notFinal(REVERSAL_REASON.answerMac, code, 'DE64 is missing or wrong');\n",
    plant: '',
  },
  'any answer will do': {
    zh: '不核对应答流水号', en: "an earlier request's answer is taken for this one's",
    file: 'terminal/exchange/host-link.ts',
    find: "    (identity.trace === null || message.get(11) === identity.trace) &&\n",
    plant: '',
  },
  'second original': {
    zh: '补打不加标记', en: 'a slip that was begun is printed again without the mark',
    file: 'terminal/spool/printing.ts',
    find: '  const page = layOut(slip, copy, again);\n',
    plant: '  const page = layOut(slip, copy, false);\n',
  },
  'print before journal': {
    zh: '先打印后记日志', en: 'a slip goes to the printer before the journal says so',
    file: 'terminal/spool/printing.ts',
    find: "  await deps.journal.append({ type: 'slip moved', id, copy, to: 'printing' });\n",
    plant: '  await deps.printer.print(layOut(slip, copy, again));\n',
  },
  'repeat is a new request': {
    zh: '重发换流水号', en: 'a repeat goes out under a new trace and name, as a new request',
    file: 'terminal/flows/repeat.ts',
    find: '  const fields: Record<number, string> = { ...one.request.fields };\n',
    plant: '  const fields: Record<number, string> = { ...one.request.fields, 11: deps.journal.state.nextTrace };\n  delete fields[57];\n',
  },
  'settlement forgotten at restart': {
    zh: '重启忘记结算', en: 'a settlement that the power interrupted is begun anew with other figures',
    file: 'terminal/journal/journal.ts',
    find: "    this.#segment = segment;\n    this.#sequence = segment === null ? sequence - 1 : sequence;\n",
    plant: "    this.#state = { ...this.#state, settlement: null };\n    this.#segment = segment;\n    this.#sequence = segment === null ? sequence - 1 : sequence;\n",
  },
} as const satisfies Record<string, PlantedBug>;

export type PlantedBugName = keyof typeof PLANTED_BUGS;
