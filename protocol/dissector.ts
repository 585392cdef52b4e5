import { ITEMS } from './de57.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import { STANDARD_FIELDS } from './standard-fields.ts';
import { TRANSACTIONS } from './transactions.ts';
import { prefixBytes, standsLeft } from './walk.ts';

/** The TCP port on which the dissector listens unless told otherwise (`-d tcp.port==N,zunka`, or its preference). */
export const DISSECTOR_PORT = 8583;

/**
 * A Wireshark dissector (Lua, Wireshark 3.6 and later) for the dialect, from the tables of this folder: LEN, TPDU,
 * header, MTI, bitmap and every field by name. Card numbers are masked and secrets not shown in the tree, the
 * packet list and filters; the bytes themselves stay in the capture, so keep captures as you would keep cards.
 */
export function luaDissector(): string {
  return [
    '-- Zunka POS dialect for Wireshark. Generated from protocol/fields.ts: change that, not this file.',
    `local FIELDS = {\n${fieldRows()}\n}`,
    `local TRANSACTIONS = {\n${transactionRows()}\n}`,
    `local HIDDEN_ITEMS = { ${hiddenItems()} }`,
    `local PORT = '${DISSECTOR_PORT}'`,
    PROGRAM,
  ].join('\n');
}

function fieldRows(): string {
  const all: Readonly<Record<number, FieldSpec>> = { ...STANDARD_FIELDS, ...FIELDS };
  return Object.entries(all)
    .map(([field, spec]) => {
      const facts = [
        `format = '${spec.format}'`,
        `length = ${spec.length}`,
        `prefix = ${prefixBytes(spec)}`,
        `left = ${standsLeft(spec)}`,
        `show = '${spec.show}'`,
        `name = '${spec.nameZh} ${spec.name}'`,
      ];
      return `  [${field}] = { ${facts.join(', ')} },`;
    })
    .join('\n');
}

function transactionRows(): string {
  return Object.values(TRANSACTIONS)
    .flatMap((spec) => {
      const told = spec.code603.length > 0 ? spec.code603 : [`${spec.de3} ${spec.de25} ${spec.type601}`];
      const keys = spec.kind === 'reversal' ? [spec.mti] : told.map((what) => `${spec.mti} ${what}`);
      return keys.map((key) => `  ['${key}'] = '${spec.nameZh} ${spec.nameEn}',`);
    })
    .join('\n');
}

function hiddenItems(): string {
  return Object.entries(ITEMS)
    .filter(([, row]) => row.show === 'hidden')
    .map(([tag]) => `${tag} = true`)
    .join(', ');
}

/** The part that does not depend on the tables. */
const PROGRAM = `
local zunka = Proto('zunka', 'Zunka POS (UnionPay dialect)')
local pf = {
  length = ProtoField.uint16('zunka.length', '长度 LEN'),
  tpdu = ProtoField.string('zunka.tpdu', 'TPDU'),
  header = ProtoField.string('zunka.header', '报文头 header'),
  mti = ProtoField.string('zunka.mti', '消息类型 MTI'),
  bitmap = ProtoField.string('zunka.bitmap', '位图 bitmap'),
}
local wrong = ProtoExpert.new('zunka.wrong', 'wrong byte', expert.group.MALFORMED, expert.severity.ERROR)
local all = {}
for _, field in pairs(pf) do all[#all + 1] = field end
local de = {}
for number, row in pairs(FIELDS) do
  de[number] = ProtoField.string('zunka.de' .. number, 'DE' .. number .. ' ' .. row.name)
  all[#all + 1] = de[number]
end
zunka.fields = all
zunka.experts = { wrong }
zunka.prefs.ports = Pref.range('TCP ports', PORT, 'Ports on which the dialect is spoken', 65535)

local HEAD = 2 + 5 + 6
local function hex(range) return range:bytes():tohex() end

-- The value of one or two BCD bytes, nil when they are none.
local function bcd(range)
  local digits = hex(range)
  if digits:find('%D') then return nil end
  return tonumber(digits)
end

local function value_bytes(row, count)
  if row.format == 'n' or row.format == 'z' then return math.floor((count + 1) / 2) end
  if row.format == 'xn' then return 1 + math.floor((count + 1) / 2) end
  return count
end

local function digits_of(range, row, count)
  local digits = hex(range)
  if count % 2 == 1 and not row.left then return digits:sub(2, count + 1) end
  return digits:sub(1, count)
end

local function value_of(range, row, count)
  if row.format == 'n' or row.format == 'z' then return digits_of(range, row, count) end
  if row.format == 'xn' then return range(0, 1):string() .. hex(range(1)) end
  if row.format == 'b' then return hex(range) end
  return range:string(ENC_GB18030)
end

local function mask(pan)
  if #pan < 13 then return string.rep('*', #pan) end
  return pan:sub(1, 6) .. string.rep('*', #pan - 10) .. pan:sub(-4)
end

local function shown_items(value)
  local shown, at = {}, 1
  while at + 4 <= #value do
    local tag, length = value:sub(at, at + 1), tonumber(value:sub(at + 2, at + 4))
    if length == nil then break end
    local text = value:sub(at + 5, at + 4 + length)
    shown[#shown + 1] = tag .. '=' .. (HIDDEN_ITEMS[tag] and '(' .. length .. ')' or text)
    at = at + 5 + length
  end
  return table.concat(shown, ' ')
end

local function shown(row, range, value, count)
  if row.show == 'plain' then return value end
  if row.show == 'pan' then return mask(value) end
  if row.show == 'items' then return shown_items(range:raw()) end
  if row.show == 'totals' and (count == 62 or count <= 4) then return value end
  return '(' .. count .. ')'
end

local function fields_of(bits)
  local fields = {}
  for index = 0, bits:len() - 1 do
    local byte = bits(index, 1):uint()
    for bit = 0, 7 do
      local field = index * 8 + bit + 1
      if field > 1 and math.floor(byte / 2 ^ (7 - bit)) % 2 == 1 then fields[#fields + 1] = field end
    end
  end
  return fields
end

-- Reads one field; nil and the reason when it cannot be read.
local function read_field(tvb, at, field)
  local row = FIELDS[field]
  if row == nil then return nil, 'DE' .. field .. ' has no shape in this dialect' end
  local count, start = row.length, at + row.prefix
  if start > tvb:len() then return nil, 'the length of DE' .. field .. ' runs past the end' end
  if row.prefix > 0 then
    count = bcd(tvb(at, row.prefix))
    if count == nil then return nil, 'the length of DE' .. field .. ' is not decimal' end
    if count > row.length then return nil, 'DE' .. field .. ' announces ' .. count .. ', at most ' .. row.length end
  end
  local bytes = value_bytes(row, count)
  if start + bytes > tvb:len() then return nil, 'DE' .. field .. ' runs past the end' end
  local range = bytes > 0 and tvb(start, bytes) or nil
  local value = range and value_of(range, row, count) or ''
  return { row = row, count = count, range = range, value = value, whole = tvb(at, start + bytes - at), stop = start + bytes }
end

local function name_of(mti, values)
  if mti:sub(1, 3) == '040' or mti:sub(1, 3) == '041' then return TRANSACTIONS['0400'] end
  local request = mti:sub(1, 2) .. math.floor(tonumber(mti:sub(3, 3)) / 2) * 2 .. mti:sub(4)
  local de60 = values[60] or ''
  local managed = TRANSACTIONS[request .. ' ' .. de60:sub(9, 11)]
  if managed then return managed end
  return TRANSACTIONS[request .. ' ' .. (values[3] or '') .. ' ' .. (values[25] or '') .. ' ' .. de60:sub(1, 2)]
end

local function dissect_frame(tvb, pinfo, root)
  pinfo.cols.protocol = 'ZUNKA'
  local tree = root:add(zunka, tvb())
  tree:add(pf.length, tvb(0, 2))
  if tvb:len() < HEAD + 10 then
    tree:add_proto_expert_info(wrong, 'the frame is too short')
    return tvb:len()
  end
  tree:add(pf.tpdu, tvb(2, 5), hex(tvb(2, 5)))
  tree:add(pf.header, tvb(7, 6), hex(tvb(7, 6)))
  local mti = hex(tvb(HEAD, 2))
  tree:add(pf.mti, tvb(HEAD, 2), mti)
  local size = tvb(HEAD + 2, 1):uint() >= 0x80 and 16 or 8
  if tvb:len() < HEAD + 2 + size then
    tree:add_proto_expert_info(wrong, 'the bitmap runs past the end')
    return tvb:len()
  end
  local bits = tvb(HEAD + 2, size)
  local values, at = {}, HEAD + 2 + size
  local fields = fields_of(bits)
  tree:add(pf.bitmap, bits, hex(bits) .. ' (' .. table.concat(fields, ' ') .. ')')
  for _, field in ipairs(fields) do
    local found, reason = read_field(tvb, at, field)
    if found == nil then
      tree:add_proto_expert_info(wrong, reason .. ', at byte ' .. at)
      return tvb:len()
    end
    values[field] = found.value
    local text = found.range and shown(found.row, found.range, found.value, found.count) or ''
    tree:add(de[field], found.whole, text)
    at = found.stop
  end
  if at < tvb:len() then tree:add_proto_expert_info(wrong, (tvb:len() - at) .. ' bytes follow the last field, at byte ' .. at) end
  local name = (mti:find('%D') == nil and name_of(mti, values)) or '未知交易 unknown transaction'
  pinfo.cols.info = mti .. ' ' .. name .. (values[11] and ' ' .. values[11] or '') .. (values[39] and ' → ' .. values[39] or '')
  return tvb:len()
end

function zunka.dissector(tvb, pinfo, root)
  return dissect_tcp_pdus(tvb, root, 2, function(rest, _, offset) return rest(offset, 2):uint() + 2 end, dissect_frame)
end

local tcp = DissectorTable.get('tcp.port')
tcp:add(PORT, zunka)
function zunka.prefs_changed()
  tcp:remove_all(zunka)
  tcp:add(zunka.prefs.ports, zunka)
end
`;
