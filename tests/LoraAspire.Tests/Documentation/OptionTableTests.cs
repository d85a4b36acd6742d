using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Documentation;

/// <summary>The docs' tables of options name every option there is and none besides, each with its default.</summary>
public sealed partial class OptionTableTests
{
    /// <summary>What a table says for a default that is chosen when the stage runs.</summary>
    private static readonly string[] s_chosen = ["none", "all", "from memory", "the pipeline's name", "the base's", "by the type"];

    /// <summary>Null, and what that is in the end.</summary>
    private static readonly Dictionary<string, string> s_meant = new() { ["loraplus_lr_ratio"] = "1" };

    [Theory]
    [InlineData("training.md", "## Options of a trainer", typeof(TrainerParams))]
    [InlineData("stages.md", "## merger", typeof(MergerParams))]
    [InlineData("evaluate.md", "## Options", typeof(EvaluatorParams))]
    [InlineData("stages.md", "## export", typeof(ExporterParams))]
    [InlineData("stages.md", "## chat", typeof(ChatParams))]
    public void A_table_has_every_option_with_its_default(string file, string heading, Type parameters)
    {
        var usual = Activator.CreateInstance(parameters);
        var expected = parameters.GetProperties().Where(property => property.CanWrite)
            .ToDictionary(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), property => property.GetValue(usual));
        var section = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "docs", file)).Split("\n## ")
            .Single(part => ("## " + part).StartsWith(heading + "\n", StringComparison.Ordinal));

        var told = Told(section[section.IndexOf("| option | default |", StringComparison.Ordinal)..])
            .ToDictionary(row => row.Option, row => row.Default);

        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), told.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, option => Assert.True(Says(told[option.Key], option.Key, option.Value),
            $"{option.Key}: the table says '{told[option.Key]}', it is '{Text(option.Value)}'"));
    }

    [Fact]
    public void Every_variable_that_the_code_reads_is_documented_and_every_one_documented_is_read()
    {
        var root = GoldenFolder.RepoRoot;
        HashSet<string> Variables(IEnumerable<string> files) =>
            [.. files.SelectMany(file => Variable().Matches(File.ReadAllText(file)).Select(match => match.Value))];
        string[] Sources(params string[] folders) =>
            [.. folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".cs" or ".props" or ".targets")
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))];
        var read = Variables(Sources("LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services"));
        var known = Variables([.. Sources("LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services", "benchmarks", "tests"),
            Path.Combine(root, "build.sh"), Path.Combine(root, "lora")]);

        var told = Variables([Path.Combine(root, "README.md"), Path.Combine(root, "CONTRIBUTING.md"),
            .. Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md")]);

        Assert.Empty(read.Except(told));
        Assert.Empty(told.Except(known));
    }

    /// <summary>A row may name several options, and then as many defaults.</summary>
    private static IEnumerable<(string Option, string Default)> Told(string table) =>
        table.Split('\n').Skip(2).TakeWhile(line => line.StartsWith('|')).SelectMany(line =>
    {
        var cells = line.Split('|');
        var options = Name().Matches(cells[1]).Select(match => match.Groups[1].Value).ToArray();
        string[] defaults = options.Length == 1 ? [cells[2].Trim()] : cells[2].Split(',', StringSplitOptions.TrimEntries);
        Assert.Equal(options.Length, defaults.Length);
        return options.Zip(defaults);
    });

    private static bool Says(string told, string option, object? value) => value switch
    {
        null => s_meant.TryGetValue(option, out var meant) ? told == meant : s_chosen.Contains(told),
        double number => double.TryParse(told, CultureInfo.InvariantCulture, out var said) && said == number,
        _ => told == Text(value),
    };

    private static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        Enum word => JsonNamingPolicy.KebabCaseLower.ConvertName($"{word}"),
        IDictionary { Count: 0 } => "{}",
        IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>())}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    [GeneratedRegex("`([a-z0-9_]+)`")]
    private static partial Regex Name();

    [GeneratedRegex("LORA_[A-Z_]*[A-Z]")]
    private static partial Regex Variable();
}
