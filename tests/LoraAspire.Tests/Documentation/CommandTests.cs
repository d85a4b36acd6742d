<<<<<<< HEAD
using LoraAspire.AppHost.Terminal;
using LoraAspire.Cli;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

/// <summary>What the documents tell to type is understood by the programs, and what it names is there.</summary>
public sealed class CommandTests
{
    private const string SomeRun = "20260102-030405-ab12";
    private const string Lora = "./lora";

    /// <summary>Programs of others, whose words aren't looked at.</summary>
    private static readonly string[] s_others =
    [
        "bash", "cat", "cd", "cp", "curl", "df", "export", "git", "iconv", "ln", "ls", "mkdir", "nvidia-smi", "ollama", "python3",
        "sbatch",
    ];

    /// <summary>Paths that begin with one of these are the repository's, or the reader's own beside them.</summary>
    private static readonly string[] s_folders =
        ["pipelines/", "models/", "docs/", "deploy/", "services/", "tests/", "data/", "templates/"];

    public static TheoryData<string> Followed => [.. Books.Followed];

    public static TheoryData<string> Others => [.. Books.All.Except(Books.Followed)];

    [Theory]
    [MemberData(nameof(Followed))]
    public void Every_command_of_a_book_is_understood_and_what_it_names_is_there(string book)
    {
        HashSet<string> made = [.. Written(book)];
        foreach (var command in CodeBlock.Of(book).Where(block => block.Language == "bash").SelectMany(ShellCommand.Of))
        {
            Understood(command, mayBeOthers: false);
            foreach (var path in command.Words.Skip(1).Where(IsOurs))
            {
                Assert.True(Path.Exists(Path.Combine(SourceFiles.Root, path)) || Makes(command, path)
                    || made.Any(own => path == own || own.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)),
                    $"{command.Place}: nothing is at {path}, and no command before makes it");
            }
            made.UnionWith(command.Written);
            made.UnionWith(command.Words.Where(word => Makes(command, word)));
        }
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Our_own_commands_in_the_other_documents_are_understood(string document)
    {
        foreach (var command in CodeBlock.Of(document).Where(block => block.Language is "bash" or "sh").SelectMany(ShellCommand.Of))
        {
            Understood(command, mayBeOthers: true);
        }
    }

    private static void Understood(ShellCommand command, bool mayBeOthers)
    {
        var words = command.Words;
        switch (words[0])
        {
            case Lora or "lora":
                Parses(command, words.Skip(1));
                break;
            case "./build.sh" when words.Count > 1:
                Assert.True(words[1] is "--help" || Books.Text("build.sh").Contains($"\n  {words[1]} ", StringComparison.Ordinal),
                    $"{command.Place}: build.sh has no word {words[1]}");
                break;
            case "dotnet" when words.Count > 3 && words[1] == "run" && words[2] == "--project":
                Assert.True(Directory.Exists(Path.Combine(SourceFiles.Root, words[3])), $"{command.Place}: no project {words[3]}");
                var given = words.SkipWhile(word => word != "--").Skip(1).ToList();
                if (words[3] == "LoraAspire.AppHost")
                {
                    Starts(command, given);
                }
                else if (words[3].EndsWith("LoraAspire.Cli", StringComparison.Ordinal) && given is not ["COMMAND"])
                {
                    Parses(command, given);
                }
                break;
            case "dotnet":
                break;
            case var other:
                Assert.True(mayBeOthers || s_others.Contains(other), $"{command.Place}: '{other}' is no command that is known here");
                break;
        }
    }

    private static void Parses(ShellCommand command, IEnumerable<string> words)
    {
        string[] filled = [.. words.Select(word => word == ShellCommand.Placeholder ? SomeRun : word)];
        var parsed = LoraCommand.Create().Parse(filled);
        Assert.Equal("", string.Join(' ', parsed.Errors.Select(error => $"{command.Place}: {error.Message}")));
    }

    /// <summary>The ports that the command names may be taken on this machine, and a reader's own pipeline is not here.</summary>
    private static void Starts(ShellCommand command, List<string> given)
    {
        string[] ports = ["--lab-port", "--chat-port", "--dashboard-port"];
        List<string> words = [];
        for (var i = 0; i < given.Count; i++)
        {
            if (ports.Contains(given[i]))
            {
                Assert.True(i + 1 < given.Count && int.TryParse(given[++i], out _), $"{command.Place}: a port is missing");
                continue;
            }
            words.Add(i > 0 && given[i - 1] == "--pipeline" ? Path.Combine(SourceFiles.Root, "pipelines", "quickstart.yaml") : given[i]);
        }
        Assert.True(AppHostOptions.Parse([.. words, .. ports.SelectMany(port => new[] { port, "0" })], out var exitCode) is not null
            && exitCode == 0, $"{command.Place}: the AppHost doesn't understand it");
    }

    /// <summary>Files that a block says it is: its first line is a comment with a path.</summary>
    private static IEnumerable<string> Written(string book) => CodeBlock.Of(book)
        .Select(block => block.Text.Split('\n')[0]).Where(line => line.StartsWith("# ", StringComparison.Ordinal))
        .Select(line => line[2..].Split(' ', ':')[0]).Where(IsOurs);

    private static bool IsOurs(string word) => s_folders.Any(folder => word.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>Whether it is what the command leaves behind: the target of a copy or a link, a downloaded file, a new folder.</summary>
    private static bool Makes(ShellCommand command, string word) => command.Words[0] switch
    {
        "cp" or "ln" => command.Words[^1] == word,
        "git" => command.Words.Contains("clone") && command.Words[^1] == word,
        "mkdir" => command.Words.Skip(1).Contains(word),
        "curl" => Follows(command, word, "-o"),
        Lora => Follows(command, word, "--out") || command.Written.Contains(word),
        _ => command.Written.Contains(word),
    };

    private static bool Follows(ShellCommand command, string word, string option) =>
        command.Words.Index().Any(at => at.Item == option && at.Index + 1 < command.Words.Count && command.Words[at.Index + 1] == word);
=======
using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text.RegularExpressions;
using LoraAspire.Cli;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Documentation;

/// <summary>docs/cli.md has every command of <c>lora</c> with each of its options, and none besides.</summary>
public sealed partial class CommandTests
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
>>>>>>> 77c9248 (lora names, shows, explains, compares, retries and forgets runs; takes alpaca-lora's flags; every command is documented, and a test holds that)
}
