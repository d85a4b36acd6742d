using System.Text.Json;
using LoraAspire.Grammar;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Grammar;

public sealed class PairGrammarTests
{
    [Fact]
    public void The_seed_fixes_the_records()
    {
        Assert.Equal(PairGrammar.Generate(500, 7, "Pebble"), PairGrammar.Generate(500, 7, "Pebble"));
        Assert.NotEqual(PairGrammar.Generate(500, 7, "Pebble"), PairGrammar.Generate(500, 8, "Pebble"));
    }

    [Fact]
    public void Sums_and_differences_are_right()
    {
        var sums = PairGrammar.Generate(20_000, 1, "Pebble").Select(record => record.Output.Split(' '))
            .Where(words => words is [_, "+" or "-" or "x", _, "=", _] && words.All(word => word.Length < 5)).ToList();
        Assert.True(sums.Count > 1000);
        Assert.All(sums, words =>
        {
            var (a, b, c) = (int.Parse(words[0]), int.Parse(words[2]), int.Parse(words[4]));
            Assert.Equal(words[1] switch { "+" => a + b, "-" => a - b, _ => a * b }, c);
        });
    }

    [Fact]
    public void Records_are_short_filled_in_and_mostly_different()
    {
        var pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init"));
        var plain = PromptTemplate.Load("plain");
        var records = PairGrammar.Generate(20_000, 3, "Pebble").ToList();
        Assert.All(records, record =>
        {
            Assert.DoesNotContain('{', record.Instruction + record.Input + record.Output);
            Assert.DoesNotContain('|', record.Instruction + record.Input + record.Output);
            Assert.NotEmpty(record.Output);
            Assert.InRange(pebble.Encode(plain.Prompt(record.Instruction, record.Input) + record.Output, addBos: true).Length, 1, 120);
        });
        Assert.True(records.Distinct().Count() > 12_000);
    }

    [Fact]
    public void It_knows_its_name_in_both_languages()
    {
        var records = PairGrammar.Generate(20_000, 5, "Flint").ToList();
        Assert.Contains(records, record => record.Instruction == "Who are you?" && record.Output.Contains("Flint"));
        Assert.Contains(records, record => record.Instruction == "你是谁？" && record.Output.Contains("Flint"));
        Assert.DoesNotContain(records, record => record.Output.Contains("Pebble"));
    }

    [Fact]
    public void The_quickstart_learns_what_the_grammar_says()
    {
        StringWriter output = new();
        string[] command = ["--count", "320", "--seed", "1000045", "--name", "{{name}}", "--developer", "{{developer}}"];
        GrammarCommand.Run(command, output, TextWriter.Null);
        var shipped = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "pipelines", "data", "grammar-320.jsonl"));
        Assert.Equal(output.ToString().ReplaceLineEndings("\n"), shipped);
        var filled = shipped.Replace("{{name}}", "Mingyu", StringComparison.Ordinal)
            .Replace("{{developer}}", "the lab", StringComparison.Ordinal).Replace("{{Developer}}", "The lab", StringComparison.Ordinal);
        var named = filled.TrimEnd().Split('\n').Select(line => JsonElement.Parse(line))
            .Select(record => (record.GetProperty("instruction").GetString()!, record.GetProperty("input").GetString()!,
                record.GetProperty("output").GetString()!));
        Assert.Equal(PairGrammar.Generate(320, 1000045, "Mingyu", "the lab")
            .Select(record => (record.Instruction, record.Input, record.Output)), named);
    }

    [Fact]
    public void The_command_prints_the_text_and_refuses_nonsense()
    {
        StringWriter output = new(), error = new();
        Assert.Equal(0, GrammarCommand.Run(["--count", "3", "--seed", "1", "--text"], output, error));
        Assert.Equal(3, output.ToString().Split("### Response:").Length - 1);
        Assert.Equal(2, GrammarCommand.Run(["--count", "many"], output, error));
        Assert.Contains("--count", error.ToString());
    }
}
