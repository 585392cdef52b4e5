/**
 * What the law allows a prepaid programme, by regime. A setting may be stricter than the law, never
 * looser; `documents.ts` refuses it, so every door does. Figures: 国办发〔2011〕25号; 商务部令 2012 第9号
 * articles 16, 18, 21, 26 (single-purpose); 中国人民银行公告〔2012〕12号 articles 8, 10 to 12
 * (multi-purpose). Not legal advice.
 */
import type { LegalSettings, Programme } from './model.ts';

export type LegalName = keyof LegalSettings;

/** One legal figure. `stricter` says on which side of the law's figure a setting may lie. */
interface LegalFigure {
  readonly unit: 'fen' | 'months' | 'years' | 'basis points';
  readonly stricter: 'at most' | 'at least';
  /** The strictest that still makes sense. */
  readonly bound: number;
  readonly 'single-purpose': number;
  readonly 'multi-purpose': number;
  readonly nameZh: string;
  readonly source: string;
}

// biome-ignore format: a table is read by column
export const LEGAL_FIGURES = {
  maxBalanceRegistered:    { unit: 'fen',          stricter: 'at most',  bound: 0,      'single-purpose': 5_000_00,  'multi-purpose': 5_000_00,  nameZh: '记名卡余额上限',       source: 'State Council Office 2011-25' },
  maxBalanceAnonymous:     { unit: 'fen',          stricter: 'at most',  bound: 0,      'single-purpose': 1_000_00,  'multi-purpose': 1_000_00,  nameZh: '不记名卡余额上限',     source: 'State Council Office 2011-25' },
  anonymousValidityMonths: { unit: 'months',       stricter: 'at least', bound: 1_200,  'single-purpose': 36,        'multi-purpose': 36,        nameZh: '不记名卡有效期',       source: 'Order 9 art. 18; PBoC 2012-12 art. 8' },
  identityFrom:            { unit: 'fen',          stricter: 'at most',  bound: 0,      'single-purpose': 10_000_00, 'multi-purpose': 10_000_00, nameZh: '不记名一次购卡实名起点', source: 'Order 9 art. 16; PBoC 2012-12 art. 10' },
  cashMaxEntity:           { unit: 'fen',          stricter: 'at most',  bound: 0,      'single-purpose': 5_000_00,  'multi-purpose': 5_000_00,  nameZh: '单位现金购卡界限',     source: 'State Council Office 2011-25; PBoC 2012-12 art. 12' },
  cashMaxPerson:           { unit: 'fen',          stricter: 'at most',  bound: 0,      'single-purpose': 50_000_00, 'multi-purpose': 50_000_00, nameZh: '个人现金购卡界限',     source: 'State Council Office 2011-25; PBoC 2012-12 art. 12' },
  retentionYears:          { unit: 'years',        stricter: 'at least', bound: 100,    'single-purpose': 5,         'multi-purpose': 5,         nameZh: '记录保存年限',         source: 'Order 9 art. 16; PBoC 2012-12' },
  custodyRatioBp:          { unit: 'basis points', stricter: 'at least', bound: 10_000, 'single-purpose': 2_000,     'multi-purpose': 10_000,    nameZh: '资金存管比例',         source: 'Order 9 art. 26 (20 %; group 30 %, brand 40 %); PBoC 2012-12 (100 %)' },
} as const satisfies Record<LegalName, LegalFigure>;

/** The range in which a setting may lie under a regime, both ends inclusive. */
export function legalRange(
  name: LegalName,
  regime: Programme['regime'],
): { readonly from: number; readonly to: number; readonly unit: string } {
  const figure: LegalFigure = LEGAL_FIGURES[name];
  return figure.stricter === 'at most'
    ? { from: figure.bound, to: figure[regime], unit: figure.unit }
    : { from: figure[regime], to: figure.bound, unit: figure.unit };
}

/** The settings in force: the programme's own where it states one, the legal default elsewhere. */
export function legalSettings(programme: Programme): LegalSettings {
  const { regime, maxBalanceRegistered, maxBalanceAnonymous } = programme;
  const law = (name: LegalName): number => LEGAL_FIGURES[name][regime];
  return {
    anonymousValidityMonths: law('anonymousValidityMonths'),
    identityFrom: law('identityFrom'),
    cashMaxEntity: law('cashMaxEntity'),
    cashMaxPerson: law('cashMaxPerson'),
    retentionYears: law('retentionYears'),
    custodyRatioBp: law('custodyRatioBp'),
    ...programme.legal,
    maxBalanceRegistered,
    maxBalanceAnonymous,
  };
}
