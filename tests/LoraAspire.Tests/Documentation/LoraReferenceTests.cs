using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text.RegularExpressions;
using LoraAspire.Cli;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Documentation;

/// <summary>docs/cli.md has every command of <c>lora</c> with each of its options, and none besides.</summary>
public sealed partial class LoraReferenceTests
{
    private static readonly string s_text = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "docs", "cli.md"));

    private static readonly Dictionary<string, string> s_sections = s_text.Split("\n### ").Skip(1)
        .Select(part => part.Split("\n## ")[0]).ToDictionary(part => part.Split('\n')[0], part => part);

    /// <summary>What comes in the place of options, in the way of python-fire.</summary>
    private static readonly Dictionary<string, IReadOnlyList<string>> s_flags = new()
    {
        ["lora finetune"] = FinetuneFlags.Own,
        ["lora merge"] = MergeCommand.Flags,
        ["lora generate"] = GenerateCommand.Flags,
    };

    [Fact]
    public void Every_command_has_its_section_and_every_section_its_command() =>
        Assert.Equal(Commands().Select(one => one.Name).Order(StringComparer.Ordinal), s_sections.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void A_section_has_every_option_and_no_other() => Assert.All(Commands(), one =>
    {
        var told = s_sections[one.Name].Split('\n').Where(line => line.StartsWith("| `-", StringComparison.Ordinal))
            .SelectMany(line => Name().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value));
        var there = one.Command.Options.Where(option => option is not HelpOption and not VersionOption)
            .SelectMany(option => option.Aliases.Prepend(option.Name))
            .Concat(s_flags.GetValueOrDefault(one.Name, []).Select(flag => "--" + flag));

        Assert.Equal(there.Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    });

    [Fact]
    public void The_table_of_exit_codes_has_each() => Assert.Equal(
        Enum.GetValues<ExitCode>().Select(code => ((int)code).ToString(CultureInfo.InvariantCulture)),
        ExitCodeRow().Matches(s_text).Select(match => match.Groups[1].Value));

    private static IEnumerable<(string Name, Command Command)> Commands() => Below("lora", LoraCommand.Create());

    private static IEnumerable<(string Name, Command Command)> Below(string name, Command command) =>
        command.Subcommands.SelectMany(one => one.Subcommands.Count > 0 ? Below($"{name} {one.Name}", one)
            : [($"{name} {one.Name}", one)]);

    [GeneratedRegex("`(-{1,2}[A-Za-z0-9_-]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"^\| ([0-9]+) \|", RegexOptions.Multiline)]
    private static partial Regex ExitCodeRow();
}
