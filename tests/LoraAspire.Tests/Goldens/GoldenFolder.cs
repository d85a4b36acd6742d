using System.Text.Json;
using LoraAspire.Runtime;
using LoraAspire.Tests.Goldens.Own;

namespace LoraAspire.Tests.Goldens;

/// <summary>
/// Golden cases by name: <c>own/…</c> are those that this project computes (<see cref="OwnGoldens"/>), <c>shared/…</c> what lies in
/// LORA_GOLDENS, or in
/// <c>../shared/goldens</c> beside the repository. They are discovered, not listed, so that any folder of the same layout runs unchanged.
/// One that LORA_GOLDENS names
/// and that does not exist is an error.
/// </summary>
public static class GoldenFolder
{
    private const string Own = "own", Shared = "shared";

    /// <summary>The folder that holds LoraAspire.sln.</summary>
    public static string RepoRoot { get; } = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)
        ?? throw new DirectoryNotFoundException(
            $"No LoraAspire.sln above {AppContext.BaseDirectory}: run the tests from inside the repository.");

    /// <summary>The shared goldens, which need not be there.</summary>
    public static string Root { get; } = FindRoot("LORA_GOLDENS", "goldens");

    /// <summary>Shared raw data (tokenizers, instruction files, small models): LORA_SHARED_DATA, or <c>../shared/data</c>.</summary>
    public static string SharedData { get; } = FindRoot("LORA_SHARED_DATA", "data");

    /// <summary>Shared inputs that once failed: LORA_CASES, or <c>../shared/cases</c>.</summary>
    public static string SharedCases { get; } = FindRoot("LORA_CASES", "cases");

    /// <summary>The base model of this repository.</summary>
    public static string Pebble { get; } = Path.Combine(RepoRoot, "models", "pebble");

    /// <summary>
    /// Inputs that once brought a reader down, of folders whose name holds this; relative to <see cref="SharedCases"/>. Where there are
    /// none, a row says so.
    /// </summary>
    public static IReadOnlyList<TheoryDataRow<string>> Faults(string kind)
    {
        var folder = Path.Combine(SharedCases, "faults");
        string[] files = !Directory.Exists(folder) ? []
            : [.. Directory.EnumerateDirectories(folder, $"*{kind}*").SelectMany(Directory.EnumerateFiles)
            .Select(file => Path.GetRelativePath(SharedCases, file)).Order(StringComparer.Ordinal)];
        return OrSkipped(files, Path.Combine(folder, $"*{kind}*"));
    }

    /// <summary>A row each; where there are none, one that says so: a theory without rows would count as failed.</summary>
    /// <param name="missing">What is looked for.</param>
    public static IReadOnlyList<TheoryDataRow<string>> OrSkipped(IEnumerable<string> names, string missing) =>
        [.. names.Select(name => new TheoryDataRow<string>(name)).DefaultIfEmpty(new("none") { Skip = NotThere(missing) })];

    /// <summary>The names of the cases in a folder of the layout, this project's own first.</summary>
    /// <param name="folder">Such as "models"; empty for the layout's root.</param>
    /// <param name="holding">What a shared case must hold; all of our own hold everything.</param>
    public static TheoryData<string> Cases(string folder, string pattern = "*", string? holding = null) =>
        [.. Names(folder, pattern, holding)];

    /// <inheritdoc cref="Cases"/>
    public static IEnumerable<string> Names(string folder, string pattern = "*", string? holding = null)
    {
        var own = OwnGoldens.Places.Where(place => (Path.GetDirectoryName(place) ?? "") == folder)
            .Where(place => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, Path.GetFileName(place)));
        var shared = Path.Combine(Root, folder);
        var found = (Directory.Exists(shared) ? Directory.EnumerateFileSystemEntries(shared, pattern) : [])
            .Where(entry => holding is null || Path.Exists(Path.Combine(entry, holding))).Select(entry => Path.GetRelativePath(Root, entry))
            .Order(StringComparer.Ordinal);
        return own.Select(place => $"{Own}/{place}").Concat(found.Select(place => $"{Shared}/{place.Replace('\\', '/')}"));
    }

    /// <summary>The full path of a case.</summary>
    public static string At(string name) =>
        name.Split('/', 2) is [Own, var place] ? OwnGoldens.At(place) : Path.Combine(Root, name[(Shared.Length + 1)..]);

    /// <summary>The full path of what lies at another place of the layout that a case belongs to.</summary>
    public static string Beside(string name, string place) => At($"{name.Split('/')[0]}/{place}");

    /// <summary>The elements of an array, of which there must be some: a test over none would prove nothing.</summary>
    public static IReadOnlyList<JsonElement> Rows(JsonElement parent, string name)
    {
        IReadOnlyList<JsonElement> rows = [.. parent.GetProperty(name).EnumerateArray()];
        Assert.NotEmpty(rows);
        return rows;
    }

    /// <summary>The full path of a file or folder under <paramref name="root"/>; skips the test, in words, when it is not there.</summary>
    public static string Require(string root, string relative)
    {
        var path = Path.Combine(root, relative);
        if (!Path.Exists(path))
        {
            Assert.Skip(NotThere(path));
        }
        return path;
    }

    private static string NotThere(string path) =>
        $"{path} is not there: put the shared fixtures beside the repository, or set LORA_GOLDENS / LORA_SHARED_DATA / LORA_CASES.";

    private static string FindRoot(string variable, string folder)
    {
        if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } named)
        {
            return Path.GetFullPath(Path.Combine(RepoRoot, "..", "shared", folder));
        }
        return Directory.Exists(named) ? Path.GetFullPath(named)
            : throw new DirectoryNotFoundException($"{variable} names {named}, which does not exist.");
    }
}
