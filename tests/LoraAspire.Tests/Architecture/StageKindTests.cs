using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Architecture;

/// <summary>
/// A stage kind stands in four places: its parameters, its service (stage class and Program.cs), a line of AppHost.cs, a row of StageKinds.
/// Everything else draws and runs it from its description.
/// </summary>
public sealed class StageKindTests
{
    /// <summary>Where a kind is named by design; in the last six, the word is the command's own.</summary>
    private static readonly string[] s_named =
    [
        "services/shared/LoraAspire.Pipelines/Stages/StageKind.cs",
        "LoraAspire.AppHost/AppHost.cs",
        "services/LoraAspire.Cli/Chat/ChatCommand.cs",
        "services/LoraAspire.Cli/Evaluation.cs",
        "services/LoraAspire.Cli/ExportCommand.cs",
        "services/LoraAspire.Cli/AlpacaLora/FinetuneFlags.cs",
        "services/LoraAspire.Cli/AlpacaLora/MergeCommand.cs",
    ];

    [Fact]
    public void No_page_terminal_or_service_names_a_kind_but_its_own()
    {
        var fields = typeof(StageKinds).GetFields().Where(field => field.FieldType == typeof(StageKind)).ToList();
        Assert.Equal(StageKinds.All, fields.Select(field => (StageKind)field.GetValue(null)!));
        var names = fields.Select(field => (StageKind)field.GetValue(null)!).Zip(fields, (kind, field) => (Kind: kind, Pattern: new Regex(
            $"""StageKinds\.{field.Name}\b|"{Regex.Escape(kind.Name)}"|\b{kind.Params.Name}\b"""))).ToList();
        var files = SourceFiles.Under("LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services")
            // A configuration of another trainer means a pipeline of certain kinds.
            .Where(file => !s_named.Contains(file) && !file.Contains("/Yaml/Foreign/", StringComparison.Ordinal)).ToList();
        Assert.Contains("services/LoraAspire.Lab/RunPages/RunPage.razor", files);

        var found = from file in files
                    let text = File.ReadAllText(Path.Combine(SourceFiles.Root, file))
                    from name in names
                    where !IsAtHome(file, name.Kind) && name.Pattern.IsMatch(text)
                    select $"{file} names {name.Kind.Name}";

        Assert.Equal("", string.Join('\n', found));
    }

    [Fact]
    public void What_no_kind_names_is_found_in_one_that_does() =>
        Assert.Matches("StageKinds\\.Merger", File.ReadAllText(Path.Combine(SourceFiles.Root, "services/LoraAspire.Merger/Program.cs")));

    [Fact]
    public void The_program_of_a_kind_is_one_statement() => Assert.All(["Trainer", "Merger", "Evaluator", "Exporter"], service =>
    {
        var lines = File.ReadAllLines(Path.Combine(SourceFiles.Root, $"services/LoraAspire.{service}/Program.cs"));
        Assert.Single(lines, line => line.Length > 0 && !line.StartsWith("using ", StringComparison.Ordinal));
    });

    [Fact]
    public void A_stage_gives_the_artifact_that_its_kind_has_a_port_for()
    {
        var outputs = new Dictionary<string, string> { ["model"] = "m" };
        var tune = new StageState("tune", StageKinds.Trainer.Name, new Dictionary<string, string>()) { Outputs = outputs };

        ArtifactKind[] kinds = [ArtifactKind.Model, ArtifactKind.Adapter, ArtifactKind.Report];
        Assert.Equal(["m", null, null], kinds.Select(tune.Output));
        Assert.Equal([true, true, false], kinds.Select(tune.MayGive));
    }

    /// <summary>In a log of a build that had more kinds.</summary>
    [Fact]
    public void A_stage_of_a_kind_that_is_gone_is_shown_without_a_description()
    {
        var outputs = new Dictionary<string, string> { ["model"] = "m" };
        var stage = new StageState("x", "distil", new Dictionary<string, string>()) { Outputs = outputs };

        Assert.Equal((null, null, false), (stage.Description, stage.Output(ArtifactKind.Model), stage.MayGive(ArtifactKind.Model)));
    }

    /// <summary>In its own service, and in the record of its parameters with what that is made of.</summary>
    private static bool IsAtHome(string file, StageKind kind) =>
        file.StartsWith($"services/LoraAspire.{kind.Params.Name.Replace("Params", "")}/", StringComparison.Ordinal)
        || file.StartsWith("services/shared/LoraAspire.Pipelines/Stages/", StringComparison.Ordinal);

    [Fact]
    public void Every_kind_names_the_project_whose_program_computes_it() =>
        Assert.All(StageKinds.All, kind => Assert.True(
            File.Exists(Path.Combine(SourceFiles.Root, "services", kind.Program, kind.Program + ".csproj")), kind.Program));
}
