using System.Xml.Linq;
using LoraAspire.Runtime;

namespace LoraAspire.Tests.Architecture;

/// <summary>Dependencies point one way. Read from the project files, since nothing else decides what may be referenced.</summary>
public sealed class DependencyTests
{
    private const string Native = "libtorch.props";

    private static readonly Dictionary<string, Project> Projects = Directory
        .GetFiles(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "*.csproj", SearchOption.AllDirectories)
        .Select(Project.Read).ToDictionary(project => project.Name);

    private static readonly string[] Shared =
    [
        "LoraAspire.Charts", "LoraAspire.ChatClients", "LoraAspire.Machine", "LoraAspire.Pipelines", "LoraAspire.Runtime",
        "LoraAspire.Model",
    ];

    private static IEnumerable<Project> Services => Projects.Values.Where(project => project.Folder == "services");

    [Fact]
    public void Pipelines_knows_only_YAML()
    {
        Assert.Empty(Projects["LoraAspire.Pipelines"].References);
        Assert.Equal(["YamlDotNet"], Projects["LoraAspire.Pipelines"].Packages);
    }

    [Fact]
    public void Runtime_knows_Pipelines_and_no_torch()
    {
        Assert.Equal(["LoraAspire.Pipelines"], Projects["LoraAspire.Runtime"].References);
        Assert.DoesNotContain("TorchSharp", Projects["LoraAspire.Runtime"].Packages);
    }

    [Fact]
    public void Machine_knows_Pipelines_and_needs_no_package()
    {
        Assert.Equal(["LoraAspire.Pipelines"], Projects["LoraAspire.Machine"].References);
        Assert.Empty(Projects["LoraAspire.Machine"].Packages);
    }

    [Fact]
    public void Charts_know_nothing_of_ours_and_need_no_package()
    {
        Assert.Empty(Projects["LoraAspire.Charts"].References);
        Assert.Empty(Projects["LoraAspire.Charts"].Packages);
    }

    [Fact]
    public void Model_knows_no_other_project_and_no_Redis()
    {
        Assert.Empty(Projects["LoraAspire.Model"].References);
        Assert.DoesNotContain("StackExchange.Redis", Projects["LoraAspire.Model"].Packages);
    }

    [Fact]
    public void Chat_clients_know_Runtime_and_Model() =>
        Assert.Equal(["LoraAspire.Runtime", "LoraAspire.Model"], Projects["LoraAspire.ChatClients"].References);

    [Fact]
    public void A_service_references_shared_projects_and_no_other_service()
    {
        Assert.NotEmpty(Services);
        Assert.All(Services, service => Assert.Empty(service.References.Except([.. Shared, "LoraAspire.ServiceDefaults"])));
    }

    [Fact]
    public void Only_executables_carry_native_libtorch() =>
        Assert.All(Shared, name => Assert.False(Projects[name].HasNative));

    [Fact]
    public void No_project_is_named_after_nothing() =>
        Assert.DoesNotContain(Projects.Keys,
            name => new[] { "Common", "Core", "Utils", "Abstractions" }.Any(word => name.EndsWith("." + word, StringComparison.Ordinal)));

    private sealed record Project(string Name, string Folder, IReadOnlyList<string> References, IReadOnlyList<string> Packages,
        bool HasNative)
    {
        public static Project Read(string path)
        {
            var xml = XDocument.Load(path);
            string[] Includes(string element) => [.. xml.Descendants(element).Select(item => item.Attribute("Include")!.Value)];
            return new(
                Path.GetFileNameWithoutExtension(path), new DirectoryInfo(path).Parent!.Parent!.Name,
                [.. Includes("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference))],
                Includes("PackageReference"),
                xml.Descendants("Import").Any(import => import.Attribute("Project")!.Value.EndsWith(Native, StringComparison.Ordinal)));
        }
    }
}
