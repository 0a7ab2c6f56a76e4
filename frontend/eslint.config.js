import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig({ ignores: ["dist"] }, js.configs.recommended, {
  files: ["**/*.ts", "**/*.tsx"],
  extends: [typescript.configs.strictTypeChecked, typescript.configs.stylisticTypeChecked],
  languageOptions: { parserOptions: { projectService: true } },
  rules: {
    // Numbers in texts are what they look like.
    "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    // Indices into arrays of known length are said shorter than by a cast.
    "@typescript-eslint/no-non-null-assertion": "off",
    // Handlers of events may be asynchronous; they meet their errors themselves.
    "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
    // Arrows that only call something read better without braces.
    "@typescript-eslint/no-confusing-void-expression": "off",
  },
});
