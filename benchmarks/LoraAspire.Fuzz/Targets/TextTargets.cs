using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.DataBuild.Written.Parsing;
using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Templates, and what a chat model answers.</summary>
internal static class TextTargets
{
    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("texts");
        string[] braces = ["{instruction}", "{input}", "{{", "}}", "{", "[input]", "[src_lang]", "[", "]", "[x"];
        yield return new("template-json", () => [.. PromptTemplate.BuiltIn.Select(name => PromptTemplate.Load(name).ToUtf8())], bytes =>
        {
            var template = PromptTemplate.Load(Scratch.Write(folder, "t.json", bytes));
            foreach (var input in new[] { "", "an {input} of {{its}} own" })
            {
                template.Response(template.Prompt("Who?", input) + "Pebble.");
                template.Preamble(input);
            }
        }, typeof(ModelException))
        { Words = [.. AllTargets.JsonWords, .. braces] };
        // What it writes of a conversation is the target chat-template's.
        yield return new("carried-chat-template", () => [new ChatFormat(new("{{ bos_token }}", new Dictionary<string, string>
            { ["bos_token"] = "<s>" }), ChatFormat.RowDate).ToUtf8()],
            bytes => PromptFormat.Load(Scratch.Write(folder, "c.json", bytes)), typeof(ModelException))
        { Words = [.. AllTargets.JsonWords, "{{", "{%", "null"] };
        yield return new("template-list",
            () => [AllTargets.Utf8("# some\nTranslate from [src_lang] to [tgt_lang]: [input]\nSay [input] in [tgt_lang].\n")], bytes =>
        {
            DataFile list = new("t.txt", Scratch.Write(folder, "t.txt", bytes));
            foreach (var template in TemplateList.Checked(TemplateList.Read(list), ["src_lang", "tgt_lang", "input"], "input").All)
            {
                template.Fill(name => $"[{name}]");
            }
        }, typeof(StageException))
        { Words = braces };
        yield return new("written-records",
            () => [AllTargets.Utf8("Sure! Here are two:\n```json\n[{\"instruction\": \"Who?\", \"input\": \"\", \"output\": "
                + "\"Pebble.\"}\n{'instruction': \"b\", output: \"c\",},]\n```\n")],
            bytes => RecordReader.Read(Encoding.UTF8.GetString(bytes)))
        { Words = [.. AllTargets.JsonWords, "```", "'instruction':", "\"output\":", "<think>", "</think>"] };
        yield return new("written-lists",
            () => [AllTargets.Utf8(
                "1. Translate [input] into [tgt_lang]\n2) \"Say [input]\"\n- **Three**: [input]\n[\"a [input]\", \"b [input]\"]\n")],
            bytes => ListReader.Read(Encoding.UTF8.GetString(bytes), cutOff: true))
        { Words = ["1.", "2)", "- ", "**", "```", "<think>", "\"", "[input]"] };
    }
}
