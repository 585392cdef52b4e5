/** One small programme with its card bureau: for the demonstration, whole-system tests and the simulated world. */
export { Bureau, type Card, type SharedKey, throwComponents } from './bureau.ts';
export { CARDS, type CardSpec, firstLoadOf, issueOf, numberedCard } from './cards.ts';
export { MERCHANTS, type ProgrammeDocuments, programmeOf, type ShopName, terminalId } from './documents.ts';
export { componentBodies, twoPersons } from './persons.ts';
