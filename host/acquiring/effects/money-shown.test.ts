import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ruleItems } from './money-shown.ts';

const shown = suite('what an answer tells of the money');

shown('names the rules that applied, in order', () => {
  assert.equal(ruleItems(['D-HOTEL-10', 'R-BLUE-1']), [['RU', 'D-HOTEL-10,R-BLUE-1']]);
  assert.equal(ruleItems([]), []);
});

shown('never outgrows DE57, however many rules applied: whole identifiers only', () => {
  const ids = Array.from({ length: 60 }, (_, index) => `RULE-NUMBER-${index}`);
  const [item] = ruleItems(ids);
  assert.ok(item !== undefined && item[1].length <= 300);
  assert.equal(item?.[1].split(','), ids.slice(0, item?.[1].split(',').length));
});

shown.run();
