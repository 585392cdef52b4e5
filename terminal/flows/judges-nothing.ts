/**
 * Codes that judge nothing: the host says them before it looks whether it knows the request. The same request, sent
 * before or delivered twice, may have been carried out all the same. Source: dialect, Order of judgement.
 */
export const JUDGES_NOTHING: readonly string[] = ['03', '30', '40', '58', '77', '96', '97', 'A0'];
