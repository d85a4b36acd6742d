using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// What the build made of a project. Aspire starts <c>dotnet run --no-build --no-launch-profile</c>; the executable itself, in the same
/// folder with the same environment, starts a second sooner and is one process instead of two.
/// </summary>
internal static class BuiltProject
{
    /// <exception cref="DistributedApplicationException">It is not built.</exception>
    public static (string Command, IReadOnlyList<string> Arguments) Command(IProjectMetadata project, string dotnet)
    {
        // Generated beside ProjectPath; absent on a path given by hand, which goes the slow way.
        if (project.GetType().GetProperty("TargetPath")?.GetValue(project) is not string target)
        {
            return (dotnet, ["run", "--project", project.ProjectPath, "--no-build", "--no-launch-profile", "--"]);
        }
        var executable = Path.ChangeExtension(target, null);
        return File.Exists(executable) ? (executable, [])
            : File.Exists(target) ? (dotnet, [target])
            : throw new DistributedApplicationException($"{target} is not built. Run: dotnet build {project.ProjectPath}");
    }
}
