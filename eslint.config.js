// The rules that need types: what Biome cannot see. A lost promise in a payment terminal is a lost
// journal entry. Not a preset: each rule was chosen because a planted hazard proved that it bites.
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules/**', 'out/**', 'coverage/**', '.tmp/**', '*.js'] },
  {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
    },
  },
  {
    // The logic of terminal and host takes clock, randomness, disk and wire as dependencies, so that a
    // simulated world can run it. Only the adapters named here touch the real ones.
    files: ['protocol/**/*.ts', 'keys/**/*.ts', 'terminal/**/*.ts', 'host/**/*.ts'],
    ignores: [
      '**/*.test.ts',
      '**/*.bench.ts',
      '**/main.ts',
      '**/node-*.ts',
      '**/tcp-*.ts',
      '**/*-driver.ts',
      '**/serial-port.ts',
      '**/fuzz.ts',
      '**/*-vectors.ts',
    ],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take deps.clock.' },
        { object: 'Math', property: 'random', message: 'Take deps.random.' },
      ],
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate', 'fetch'],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Take deps.clock.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            'node:fs',
            'node:fs/promises',
            'node:net',
            'node:timers',
            'node:timers/promises',
            'node:child_process',
          ],
        },
      ],
    },
  },
);
