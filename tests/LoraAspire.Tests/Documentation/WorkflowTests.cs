using System.Text.RegularExpressions;
using LoraAspire.Tests.Architecture;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Tests.Documentation;

/// <summary>What a push starts is what the documents tell to type, with no more rights than reading.</summary>
public sealed partial class WorkflowTests
{
    private static readonly YamlMappingNode s_workflow = Load(".github/workflows/check.yml");
    private static readonly YamlMappingNode s_job = Map(Map(s_workflow, "jobs"), "check");
    private static readonly List<YamlMappingNode> s_steps = [.. ((YamlSequenceNode)s_job["steps"]).Cast<YamlMappingNode>()];

    [Fact]
    public void It_only_reads_ends_in_time_and_only_the_newest_of_a_branch_runs()
    {
        Assert.Equal("contents: read", string.Join(", ", Map(s_workflow, "permissions").Select(one => $"{one.Key}: {one.Value}")));
        Assert.DoesNotContain("permissions", s_job.Children.Keys.Select(key => $"{key}"));
        Assert.Equal("45", $"{s_job["timeout-minutes"]}");
        Assert.Contains("${{ github.ref }}", $"{Map(s_workflow, "concurrency")["group"]}", StringComparison.Ordinal);
    }

    [Fact]
    public void It_runs_a_command_of_build_sh_that_readme_and_contributing_name()
    {
        var ours = Texts("run").Where(text => text.StartsWith("./build.sh", StringComparison.Ordinal)).ToList();

        Assert.Equal(["./build.sh check"], ours);
        Assert.Contains("\n  check ", Books.Text("build.sh"), StringComparison.Ordinal);
        Assert.Contains("./build.sh check ", Books.Text("CONTRIBUTING.md"), StringComparison.Ordinal);
        Assert.Contains("`check`", Books.Text("README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_SDK_is_that_of_global_json_and_packages_are_kept_by_what_names_them()
    {
        Assert.Equal("global.json", $"{With("actions/setup-dotnet")["global-json-file"]}");
        var named = Quoted().Matches($"{With("actions/cache")["key"]}").Select(match => match.Groups[1].Value).ToList();
        Assert.Contains("Directory.Packages.props", named);
        Assert.All(named.Where(file => !file.Contains('*')), file => Assert.True(File.Exists(Path.Combine(SourceFiles.Root, file)), file));
    }

    [Fact]
    public void The_pictures_that_the_tests_make_are_kept_whatever_the_tests_say()
    {
        var made = $"{Map(s_job, "env")["LORA_SCREENSHOTS"]}";
        var kept = s_steps.Where(step => Uses(step, "actions/upload-artifact")).ToList();

        // Absolute, since a test program may run in any folder; and where git ignores it.
        Assert.Equal("${{ github.workspace }}/artifacts/screenshots", made);
        Assert.Contains("/artifacts/", Books.Text(".gitignore").Split('\n'));
        Assert.Equal(["${{ env.LORA_SCREENSHOTS }}", "TestResults"], kept.Select(step => $"{Map(step, "with")["path"]}"));
        Assert.All(kept, step => Assert.Equal("always()", $"{step["if"]}"));
        Assert.Contains("LORA_SCREENSHOTS", Books.Text("tests/LoraAspire.EndToEndTests/Lab/ScreenshotTests.cs"), StringComparison.Ordinal);
        Assert.Contains("$PWD/TestResults", Books.Text("build.sh"), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Texts(string key) =>
        s_steps.Where(step => step.Children.ContainsKey(key)).Select(step => $"{step[key]}");

    private static bool Uses(YamlMappingNode step, string action) =>
        step.Children.TryGetValue("uses", out var uses) && $"{uses}".StartsWith(action + "@", StringComparison.Ordinal);

    private static YamlMappingNode With(string action) => Map(s_steps.Single(step => Uses(step, action)), "with");

    private static YamlMappingNode Map(YamlMappingNode node, string key) => (YamlMappingNode)node[key];

    private static YamlMappingNode Load(string file)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(Books.Text(file)));
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex Quoted();
}
