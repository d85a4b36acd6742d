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
}
