namespace LoraAspire.Tests.Goldens;

/// <summary>
/// Where the golden fixtures lie: LORA_GOLDENS, or <c>../shared/goldens</c> beside the repository. Cases are discovered, not listed,
/// so that another set of the same format runs unchanged. A default folder that does not exist skips the tests; one that
/// LORA_GOLDENS names and that does not exist is an error.
/// </summary>
public static class GoldenFolder
{
    /// <summary>The folder that holds LoraAspire.sln.</summary>
    public static string RepoRoot { get; } = FindRepoRoot();

    public static string Root { get; } = FindRoot("LORA_GOLDENS", "goldens");

    /// <summary>Shared raw data (tokenizers, instruction files, small models): LORA_SHARED_DATA, or <c>../shared/data</c>.</summary>
    public static string SharedData { get; } = FindRoot("LORA_SHARED_DATA", "data");

    /// <summary>Shared inputs that once failed: LORA_CASES, or <c>../shared/cases</c>.</summary>
    public static string SharedCases { get; } = FindRoot("LORA_CASES", "cases");

    /// <summary>Inputs that once brought a reader down, of folders whose name holds this; relative to <see cref="SharedCases"/>, in ordinal order.</summary>
    public static IEnumerable<string> Faults(string kind)
    {
        var folder = Path.Combine(SharedCases, "faults");
        return !Directory.Exists(folder) ? [] : Directory.EnumerateDirectories(folder, $"*{kind}*").SelectMany(Directory.EnumerateFiles)
            .Select(file => Path.GetRelativePath(SharedCases, file)).Order(StringComparer.Ordinal);
    }

    /// <summary>Full paths of the case folders under a subfolder, in ordinal order; none when there is no such subfolder.</summary>
    public static IEnumerable<string> Cases(string subfolder)
    {
        var folder = Path.Combine(Root, subfolder);
        return Directory.Exists(folder) ? Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Full paths of the files under a subfolder that match a pattern, in ordinal order.</summary>
    public static IEnumerable<string> Files(string subfolder, string pattern)
    {
        var folder = Path.Combine(Root, subfolder);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>The names of the case folders as theory data; give the theory <c>SkipTestWithoutData = true</c>.</summary>
    public static TheoryData<string> CaseNames(string subfolder) => [.. Cases(subfolder).Select(path => Path.GetFileName(path)!)];

    /// <summary>The names of the matching files as theory data; give the theory <c>SkipTestWithoutData = true</c>.</summary>
    public static TheoryData<string> FileNames(string subfolder, string pattern) => [.. Files(subfolder, pattern).Select(path => Path.GetFileName(path)!)];

    /// <summary>The full path of a file or folder under <paramref name="root"/>; skips the test, in words, when it is not there.</summary>
    public static string Require(string root, string relative)
    {
        var path = Path.Combine(root, relative);
        if (!Path.Exists(path))
        {
            Assert.Skip($"{path} is not there: put the shared fixtures beside the repository, or set LORA_GOLDENS / LORA_SHARED_DATA / LORA_CASES.");
        }
        return path;
    }

    private static string FindRoot(string variable, string folder)
    {
        if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } named)
        {
            return Path.GetFullPath(Path.Combine(RepoRoot, "..", "shared", folder));
        }
        return Directory.Exists(named) ? Path.GetFullPath(named) : throw new DirectoryNotFoundException($"{variable} names {named}, which does not exist.");
    }

    private static string FindRepoRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "LoraAspire.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new DirectoryNotFoundException($"No LoraAspire.sln above {AppContext.BaseDirectory}: run the tests from inside the repository.");
    }
}
